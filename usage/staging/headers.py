"""Match the header row of a file with the columns of its kind."""

import re

from billing.models import Account
from usage.files.csv_files import CsvFile
from usage.files.errors import FileRefusedError, RowError
from usage.resources.base import UploadResource
from usage.resources.columns import folded
from usage.resources.formats import Choice
from usage.staging.error_files import REASON

# A number, phone number, date or time; an e-mail address.
_VALUE = re.compile(r"(?=\D{0,3}\d)[\d.,:/() TZ+-]+|[^\s@]+@[^\s@]+")


def columns_of(resource: UploadResource, source: CsvFile, account: Account | None) -> list[str]:
    """Return the names of the file's columns, in its order. Raise FileRefusedError, which names every header error.

    `account` is the account of the whole file, for kinds that belong to an account; if it is None, a column must name
    the account of each row.
    """
    header = [cell.strip() for cell in source.header()]
    found = [_name(resource, cell) for cell in header]
    names = [name for name in found if name]
    if not names and any(_is_value(resource, cell) for cell in header):
        expected = ", ".join(column.name for column in resource.columns)
        reason = f"The first row looks like data. Put a header above it, with the names of the columns: {expected}."
        raise FileRefusedError(RowError(1, "", "", reason), rows=_rows(source))
    errors = [*_unknown(resource, header, found), *_repeated_and_missing(resource, names)]
    if resource.belongs_to_account and account is None and "account" not in names:
        reason = "Whose data is this? Name the account for the whole file, or in a column 'account'."
        errors.append(RowError(1, "account", "", reason))
    if errors:
        raise FileRefusedError(*errors, rows=_rows(source))
    return names


def _rows(source: CsvFile) -> int:
    return sum(1 for _record in source.records()) - 1


def _is_value(resource: UploadResource, cell: str) -> bool:
    """Return whether a cell looks like a value of this kind rather than the name of a column."""
    words = {word for column in resource.columns if isinstance(column.widget, Choice) for word in column.widget.words}
    return cell in words or _VALUE.fullmatch(cell) is not None


def _name(resource: UploadResource, heading: str) -> str | None:
    """Return the name of the kind's column; REASON for the reasons of a file of rows in error, which are ignored."""
    column = resource.column_called(heading)
    if column is None:
        return REASON if folded(heading) == REASON else None
    return column.name


def _unknown(resource: UploadResource, header: list[str], found: list[str | None]) -> list[RowError]:
    expected = ", ".join(column.name for column in resource.columns)
    return [
        RowError(1, cell, "", f"The column is unknown; the columns are: {expected}." if cell else
                 f"Column {place} has no name; the columns are: {expected}.")
        for place, (cell, name) in enumerate(zip(header, found, strict=True), start=1)
        if name is None
    ]  # fmt: skip


def _repeated_and_missing(resource: UploadResource, names: list[str]) -> list[RowError]:
    errors = [
        RowError(1, name, "", "The file has this column twice.")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    errors += [
        RowError(1, column.name, "", "The file lacks this column.")
        for column in resource.columns
        if not column.optional and column.name not in names
    ]
    return errors
