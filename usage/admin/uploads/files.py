"""The files of an upload as attachments: the original, its rows in error, all its errors, and all its notices."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404

from ui.http import PRIVATE
from usage.models import Upload

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile

_CSV = "text/csv; charset=utf-8"


def original_file(upload: Upload) -> FileResponse:
    """Return the uploaded file under its own name. Raises Http404 once it has been deleted."""
    # The content is not ours: a browser must not guess its type.
    return _attachment(upload.file, upload.file_name, "application/octet-stream")


def errors_file(upload: Upload) -> FileResponse:
    """Return every error of an upload as CSV: line, column, value, reason. Raises Http404 if there is none."""
    return _attachment(upload.errors_file, _named(upload, "errors"), _CSV)


def notices_file(upload: Upload) -> FileResponse:
    """Return every notice of an upload as CSV, in the columns of errors. Raises Http404 if there is none."""
    return _attachment(upload.notices_file, _named(upload, "notices"), _CSV)


def rows_in_error_file(upload: Upload) -> FileResponse:
    """Return the rows in error as uploaded, with their reasons, to fix and upload again. Raises Http404 if none."""
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
