"""What a file of each kind looks like: its columns, what makes two rows the same, and templates."""

from typing import Any

from django.http import Http404, HttpResponse

from billing.models import Administrator
from usage.admin.uploads.forms import kinds_for
from usage.files.csv_files import MAX_COLUMNS
from usage.models import UploadKind
from usage.resources.examples import columns_of, example_file, natural_key

_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def kind_or_404(administrator: Administrator, slug: str) -> UploadKind:
    """Return the kind of this name. Raises Http404 unless the administrator may upload such files."""
    kind = next((each for each in kinds_for(administrator) if each.value == slug), None)
    if kind is None:
        raise Http404
    return kind


def kinds_context(administrator: Administrator) -> dict[str, Any]:
    """Return what the page of all kinds shows: in the order in which a new customer's data arrive."""
    return {"title": "File formats", "kinds": [(kind, columns_of(kind)) for kind in kinds_for(administrator)]}


def kind_context(administrator: Administrator, kind: UploadKind) -> dict[str, Any]:
    """Return what the page of one kind shows."""
    columns = columns_of(kind)
    return {
        "title": kind.label,
        "kind": kind,
        "columns": columns,
        "has_titles": any(column.also_called for column in columns),
        "key": natural_key(kind),
        "is_staff": administrator.is_platform_staff,
        "max_columns": MAX_COLUMNS,
    }


def template_file(kind: UploadKind, file_format: str, *, names_accounts: bool) -> HttpResponse:
    """Return a small valid file, with a column for the account or without. Raises Http404 for an unknown format."""
    if file_format not in _CONTENT_TYPES:
        raise Http404
    return HttpResponse(
        example_file(kind, file_format, names_accounts=names_accounts),
        content_type=_CONTENT_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="{kind.value}-example.{file_format}"'},
    )
