"""Exports of admin lists as files that uploads accept: django-import-export's screen with our own rules."""

from collections.abc import Iterator
from typing import Any, ClassVar

import structlog
from django import forms
from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from import_export import forms as stock_forms
from import_export.admin import ExportMixin
from import_export.formats import base_formats

from ui.formatting import count_text, number_text
from ui.navigation import start_page
from usage.models import UploadKind
from usage.resources import RESOURCES
from usage.resources.base import UploadResource
from usage.resources.tables import WRITERS, Heading

logger = structlog.get_logger(__name__)

CHUNK = 2000


class TableFile(base_formats.Format):  # type: ignore[misc]  # the package has no types
    """A format of the screen, written by `usage.resources.tables`."""

    slug: ClassVar[str]
    title: ClassVar[str]
    content_type: ClassVar[str]

    def get_title(self) -> str:
        """What the screen calls it."""
        return self.title

    def get_extension(self) -> str:
        """How the names of its files end."""
        return self.slug

    def get_content_type(self) -> str:
        """What a browser is told."""
        return self.content_type

    def can_export(self) -> bool:
        """Allow exports only; files come in as uploads."""
        return True

    def export_data(self, dataset: "Table", **_options: Any) -> bytes:
        return WRITERS[self.slug](dataset.headings, dataset.rows)


class CsvFile(TableFile):
    slug = "csv"
    title = "CSV"
    content_type = "text/csv; charset=utf-8"


class XlsxFile(TableFile):
    slug = "xlsx"
    title = "XLSX, for spreadsheets"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Table:
    """The rows of a list as their kind of upload writes them, read while the file is written."""

    def __init__(self, resource: UploadResource, queryset: QuerySet[Any]) -> None:
        self.headings = [Heading(column.name, column.widget.cell) for column in resource.columns]
        self.rows = self._rows(resource, queryset)

    def _rows(self, resource: UploadResource, queryset: QuerySet[Any]) -> Iterator[list[str]]:
        cells: list[Any] = [getattr(resource, f"dehydrate_{column.name}", column.export) for column in resource.columns]
        for instance in resource.filter_export(queryset).iterator(chunk_size=CHUNK):
            yield [cell(instance) for cell in cells]


class ExportForm(stock_forms.ExportForm):  # type: ignore[misc]  # as above
    """A choice of formats as radio buttons. All columns are exported, so that the file can be uploaded again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["export_items"]  # rows chosen one by one: the lists have no such action
        choices = [choice for choice in self.fields["format"].choices if choice[0]]
        self.fields["format"] = forms.ChoiceField(choices=choices, initial=choices[0][0], widget=forms.RadioSelect)


class Exporting(ExportMixin):  # type: ignore[misc]  # as above
    """Adds an export to the admin of an uploaded model: everyone who views a list may export what it shows them."""

    export_kind: ClassVar[UploadKind]

    # The link to the screen is in the template of the buttons above all lists.
    import_export_change_list_template = None
    export_template_name = "admin/usage/export.html"
    export_form_class = ExportForm

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return the permission to view: visible rows can be copied anyway."""
        return bool(self.has_view_permission(request))

    def get_export_formats(self) -> list[type[TableFile]]:
        return [CsvFile, XlsxFile]

    def get_export_resource_classes(self, request: HttpRequest) -> list[type[UploadResource]]:
        """The declaration of the kind."""
        return [RESOURCES[self.export_kind]]

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or return the file. A list with too many rows is refused before any row is read."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            queryset = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self._list_address()}?e=1")  # as the list itself does
        formats = self.get_export_formats()
        is_asked = request.method == "POST"
        form = self.export_form_class(
            formats, self.get_export_resource_classes(request), data=request.POST if is_asked else None
        )
        rows = queryset.order_by().values("pk")[: settings.ADMIN_EXPORT_ROWS + 1].count()
        if form.is_valid() and 0 < rows <= settings.ADMIN_EXPORT_ROWS:
            file_format = formats[int(form.cleaned_data["format"])]()
            logger.info("list_exported", kind=self.export_kind.value, rows=rows, format=file_format.slug)
            return self._do_file_export(file_format, request, queryset, export_form=form)  # type: ignore[no-any-return]  # as above
        context = {
            **self.init_request_context_data(request, form),
            "title": f"Export {self.opts.verbose_name_plural}",
            "rows": rows,
            "number": count_text(rows, str(self.opts.verbose_name), str(self.opts.verbose_name_plural)),
            "limit": number_text(settings.ADMIN_EXPORT_ROWS),
            "is_too_long": rows > settings.ADMIN_EXPORT_ROWS,
            "list_address": f"{self._list_address()}?{request.GET.urlencode()}".rstrip("?"),
            "reports_address": start_page() if self.export_kind.belongs_to_account else "",
        }
        return TemplateResponse(request, self.export_template_name, context, status=422 if is_asked else 200)

    def get_data_for_export(self, request: HttpRequest, queryset: QuerySet[Any], **_options: Any) -> Table:
        (resource,) = self.get_export_resource_classes(request)
        return Table(resource(), queryset)

    def get_export_filename(self, request: HttpRequest, queryset: QuerySet[Any], file_format: TableFile) -> str:
        """The kind and the day."""
        return f"{self.export_kind.value}-{timezone.now().date()}.{file_format.get_extension()}"

    def _list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
