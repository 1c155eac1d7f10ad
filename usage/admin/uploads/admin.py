"""Uploads in the admin: the list, the form, the page of one upload with its decisions, its files, and file formats."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Administrator
from billing.scoped_admin import AccountFilter, platform_staff
from ui.formatting import duration_text, minute_text, number_text
from ui.http import wants_json
from ui.progress import progress_response
from usage.admin.uploads import files, kinds
from usage.admin.uploads.cards import UploadCard, work_on
from usage.admin.uploads.forms import UploadForm, kinds_for
from usage.admin.uploads.permissions import UploadPermissions, may_decide
from usage.models import Upload, UploadKind, UploadQuerySet, UploadStatus
from usage.resources import resource_of
from usage.undo import undo_upload
from usage.uploads import decide

_DECISIONS: dict[str, Callable[[Upload, Administrator], object]] = {
    "apply": decide.confirm,
    "apply_without_errors": partial(decide.confirm, skips_errors=True),
    "check_again": decide.check_again,
    "discard": decide.discard,
    "stop": decide.stop,
}


class StatusFilter(admin.SimpleListFilter):
    """Filters by status, which no single column holds."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label).capitalize()) for value, label in UploadStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # An unknown value filters nothing.
        value = self.value()
        if value not in UploadStatus.values or not isinstance(queryset, UploadQuerySet):
            return queryset
        return queryset.standing(UploadStatus(value))


@admin.register(Upload)
class UploadAdmin(UploadPermissions):
    """Uploads are received by a form of their own and never edited."""

    section = "Usage"
    icon = "upload"
    list_display = ["file_name", "standing", "data", "sent", "total", "in_error", "duration"]
    list_filter: ClassVar[Any] = [StatusFilter, "kind", ("account", AccountFilter)]
    sortable_by: ClassVar[Any] = []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # An upload and its latest step as of one moment; all steps of a list in one query.
        uploads = super().get_queryset(request).select_related("account", "uploaded_by", "latest_step")
        return uploads.prefetch_related("steps").defer("preview")

    @admin.display(description="kind and account")
    def data(self, upload: Upload) -> SafeString:
        return _two_lines(upload.get_kind_display(), upload.account or "")

    @admin.display(description="uploaded")
    def sent(self, upload: Upload) -> SafeString:
        at = upload.uploaded_at
        moment = minute_text(at, year=at.year != timezone.now().year)
        return _two_lines(moment, upload.uploaded_by or "command line")

    @admin.display(description="rows", empty_value="")
    def total(self, upload: Upload) -> str:
        return "" if upload.rows is None else number_text(upload.rows)

    @admin.display(description="in error", empty_value="")
    def in_error(self, upload: Upload) -> str:
        return number_text(upload.rows_in_error) if upload.rows_in_error else ""

    @admin.display(description="status")
    def standing(self, upload: Upload) -> SafeString:
        return format_html('<span class="state {}">{}</span>', upload.status.value, upload.status.label)

    @admin.display(description="duration", empty_value="")
    def duration(self, upload: Upload) -> str:
        took = work_on(upload)
        return "" if took is None else duration_text(took)

    def get_urls(self) -> list[URLPattern]:
        """Return all addresses of uploads; those of kinds come first, or they would be taken for uploads."""
        inside = self.admin_site.admin_view

        def file_of(response_of: Callable[[Upload], FileResponse]) -> Callable[..., HttpResponseBase]:
            def view(request: HttpRequest, object_id: str) -> FileResponse:
                return response_of(self.visible_upload(request, object_id))

            return inside(view, cacheable=True)  # the responses have their own headers

        upload = "<path:object_id>"
        return [
            path("kinds/", inside(self.kinds_view), name="usage_upload_kinds"),
            path("kinds/<slug:kind>/", inside(self.kind_view), name="usage_upload_kind"),
            path(
                "kinds/<slug:kind>/example.<slug:file_format>", inside(self.template_view), name="usage_upload_example"
            ),
            path(f"{upload}/progress/", inside(self.progress_view), name="usage_upload_progress"),
            path(f"{upload}/undo/", inside(self.undo_view), name="usage_upload_undo"),
            path(f"{upload}/file/", file_of(files.original_file), name="usage_upload_file"),
            path(f"{upload}/errors/", file_of(files.errors_file), name="usage_upload_errors"),
            path(f"{upload}/notices/", file_of(files.notices_file), name="usage_upload_notices"),
            path(f"{upload}/rows-in-error/", file_of(files.rows_in_error_file), name="usage_upload_rows_in_error"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Receive a file and redirect to its page; a script gets the address (201) or the errors (422) as JSON."""
        administrator = self.viewer(request)
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {
            "account": request.GET.get("account"),  # as the page before asks for it
            "kind": request.GET.get("kind") or _latest_kind(administrator),
        }
        form = UploadForm(request.POST or None, request.FILES or None, initial=initial, administrator=administrator)
        upload = form.received()
        if upload is not None:
            self.log_addition(request, upload, [{"added": {}}])
            address = reverse("admin:usage_upload_change", args=[upload.pk])
            return JsonResponse({"address": address}, status=201) if wants_json(request) else _to(address)
        if request.method == "POST" and wants_json(request):
            return JsonResponse({"errors": form.errors}, status=422)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Upload usage" if platform_staff(request) is None else "Upload data",
            "opts": self.opts,
            "form": form,
            "form_url": form_url,
            "kinds": kinds_for(administrator),
        }
        return TemplateResponse(request, "admin/usage/upload/add.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one upload, and carry out decisions posted by its buttons."""
        upload = self.visible_upload(request, object_id)
        if request.method == "POST":
            return self._decide(request, upload)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            **self._shown(request, upload),
            "title": upload.file_name,
            "form_url": form_url,
        }
        return TemplateResponse(request, "admin/usage/upload/upload.html", context)

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the progress as JSON, with the page's new content once its `stage` is outdated."""
        upload = self.visible_upload(request, object_id)
        shown = self._shown(request, upload)
        card: UploadCard = shown["card"]
        return progress_response(
            request,
            stage=card.stage,
            headline=card.headline,
            bar=card.progress.bar if card.progress else None,
            content=lambda: render_to_string("admin/usage/upload/_upload.html", shown, request=request),
        )

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what undoing the upload would do; when posted, enqueue it unless it is blocked by then."""
        upload, administrator = self.visible_upload(request, object_id), self.viewer(request)
        if not may_decide(administrator, upload):
            raise PermissionDenied
        if request.method == "POST":
            try:
                decide.undo(upload, administrator)
            except ValidationError as error:
                messages.error(request, " ".join(["The upload was not undone.", *error.messages]))
            return _to(reverse("admin:usage_upload_change", args=[upload.pk]))
        return self._page(request, "undo.html", title="Undo", upload=upload, plan=_undo_plan(upload))

    def kinds_view(self, request: HttpRequest) -> HttpResponse:
        """List the kinds of files that the administrator may upload."""
        return self._page(request, "kinds.html", **kinds.kinds_context(self.viewer(request)))

    def kind_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Describe the files of one kind."""
        viewer = self.viewer(request)
        context = kinds.kind_context(viewer, kinds.kind_or_404(viewer, kind))
        return self._page(request, "kind.html", **context, may_upload=self.has_add_permission(request))

    def template_view(self, request: HttpRequest, kind: str, file_format: str) -> HttpResponse:
        """Return a template; with `?for=account` one for a single account, which no row names."""
        found = kinds.kind_or_404(self.viewer(request), kind)
        return kinds.template_file(found, file_format, names_accounts=request.GET.get("for") != "account")

    def _page(self, request: HttpRequest, template: str, **context: object) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/usage/upload/{template}", context)

    def _shown(self, request: HttpRequest, upload: Upload) -> dict[str, Any]:
        administrator = self.viewer(request)
        same = Upload.objects.visible_to(administrator).same_file(upload).select_related("uploaded_by")
        card = UploadCard(upload, timezone.now(), may_decide(administrator, upload), administrator)
        return {
            "opts": self.opts,
            "upload": upload,
            "card": card,
            "same_file": same.first() if card.is_waiting_for_a_person else None,
            "rows_address": self._rows_address(request, upload) if upload.status == UploadStatus.APPLIED else "",
            "has_add_permission": self.has_add_permission(request),
        }

    def _rows_address(self, request: HttpRequest, upload: Upload) -> str:
        """Return the address of the list of such rows, of the account only; empty if the viewer may not open it."""
        model = resource_of(UploadKind(upload.kind)).model
        if not self.admin_site.get_model_admin(model).has_view_permission(request):
            return ""
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        return f"{address}?account__id__exact={upload.account_id}" if upload.account_id else address

    def _decide(self, request: HttpRequest, upload: Upload) -> HttpResponse:
        """Carry out the decision of a button; show the reason if that is not possible."""
        decision = _DECISIONS.get(request.POST.get("decision", ""))
        if decision is None:
            raise PermissionDenied
        try:
            decision(upload, self.viewer(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return _to(reverse("admin:usage_upload_change", args=[upload.pk]))


def _undo_plan(upload: Upload) -> undo_upload.UndoPlan:
    if upload.status != UploadStatus.APPLIED:
        return undo_upload.UndoPlan(blockers=[f"There is nothing to undo: the upload is {upload.status.label}."])
    return undo_upload.plan_at_once(upload)


def _latest_kind(administrator: Administrator) -> str | None:
    """Return the kind of their last upload, which the next one is often like."""
    return Upload.objects.filter(uploaded_by=administrator).values_list("kind", flat=True).first()


def _two_lines(first: object, second: object) -> SafeString:
    return format_html('{} <span class="second">{}</span>', first, second)


def _to(address: str) -> HttpResponse:
    return HttpResponseRedirect(address)
