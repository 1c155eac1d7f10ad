"""The files of an upload, for whoever may see it: as it came, its rows in error, and all its errors."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path

from ui.http import PRIVATE
from usage.admin.uploads.permissions import UploadSight
from usage.models import Upload

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile

_CSV = "text/csv; charset=utf-8"


class UploadFiles(UploadSight):
    """Attachments that no cache keeps; one that is not there (any more) is a 404."""

    def get_urls(self) -> list[URLPattern]:
        """With the addresses of the files."""
        views = {"file": self.file_view, "errors": self.errors_view, "rows-in-error": self.rows_in_error_view}
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view, cacheable=True),
                name=f"usage_upload_{name.replace('-', '_')}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def file_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        """The file as it came, under its own name. Its content is anybody's: a browser is not to guess what it is."""
        upload = self.visible_upload(request, object_id)
        return _attachment(upload.file, upload.file_name, "application/octet-stream")

    def errors_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        """Every error of an upload: a CSV of line, column, value and reason."""
        upload = self.visible_upload(request, object_id)
        return _attachment(upload.errors_file, _named(upload, "errors"), _CSV)

    def rows_in_error_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        """The rows in error as they came, with their reasons: to be mended and sent again."""
        upload = self.visible_upload(request, object_id)
        return _attachment(upload.rows_in_error_file, _named(upload, "rows-in-error"), _CSV)


def _named(upload: Upload, what: str) -> str:
    return f"{PurePath(upload.file_name).stem}.{what}.csv"


def _attachment(file: FieldFile, name: str, content_type: str) -> FileResponse:
    if not file.name:
        raise Http404
    try:
        stored = default_storage.open(file.name, "rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(stored, as_attachment=True, filename=name, content_type=content_type, headers=PRIVATE)
