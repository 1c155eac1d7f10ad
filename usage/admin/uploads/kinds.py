"""What the file of each kind looks like: its columns, what makes two rows the same, and files to begin with."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from usage.admin.uploads.forms import kinds_for
from usage.admin.uploads.permissions import UploadSight
from usage.files.csv_files import MAX_COLUMNS
from usage.models import UploadKind
from usage.resources.examples import columns_of, example_file, natural_key

_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class UploadKinds(UploadSight):
    """Pages for whoever may see uploads; a customer's administrator finds the kinds that they may upload."""

    def get_urls(self) -> list[URLPattern]:
        """With the addresses of the kinds, before those of uploads."""
        view = self.admin_site.admin_view
        return [
            path("kinds/", view(self.kinds_view), name="usage_upload_kinds"),
            path("kinds/<slug:kind>/", view(self.kind_view), name="usage_upload_kind"),
            path("kinds/<slug:kind>/example.<slug:file_format>", view(self.example_view), name="usage_upload_example"),
            *super().get_urls(),
        ]

    def kinds_view(self, request: HttpRequest) -> HttpResponse:
        """All kinds, in the order in which a new customer's data would come."""
        kinds = [(kind, columns_of(kind)) for kind in kinds_for(self.viewer(request))]
        return self._page(request, "kinds.html", title="What files look like", kinds=kinds)

    def kind_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """One kind."""
        found = self._kind(request, kind)
        columns = columns_of(found)
        return self._page(
            request,
            "kind.html",
            title=found.label,
            kind=found,
            columns=columns,
            has_titles=any(column.also_called for column in columns),
            key=natural_key(found),
            is_staff=self.viewer(request).is_platform_staff,
            may_upload=self.has_add_permission(request),
            max_columns=MAX_COLUMNS,
        )

    def example_view(self, request: HttpRequest, kind: str, file_format: str) -> HttpResponse:
        """A small file that is right; `?for=account`: one of a single account, which no row names."""
        found = self._kind(request, kind)
        if file_format not in _CONTENT_TYPES:
            raise Http404
        names_accounts = request.GET.get("for") != "account"
        data = example_file(found, file_format, names_accounts=names_accounts)
        return HttpResponse(
            data,
            content_type=_CONTENT_TYPES[file_format],
            headers={"Content-Disposition": f'attachment; filename="{found.value}-example.{file_format}"'},
        )

    def _kind(self, request: HttpRequest, kind: str) -> UploadKind:
        found = next((each for each in kinds_for(self.viewer(request)) if each.value == kind), None)
        if found is None:
            raise Http404
        return found

    def _page(self, request: HttpRequest, template: str, **context: object) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/usage/upload/{template}", context)
