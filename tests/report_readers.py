"""Read the files of reports with independent libraries, and derive their expected cells from those of the CSV."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet
from python_calamine import CalamineWorkbook

from reports.engine.report_type import ColumnKind, ReportColumn

Rows = list[list[Any]]


class Number(str):
    """A number in JSON, as its digits."""

    __slots__ = ()


def read_csv(content: bytes) -> Rows:
    """Return the cells as text, the headings first."""
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def read_gzip(content: bytes) -> Rows:
    return read_csv(gzip.decompress(content))


def read_json_lines(content: bytes) -> Rows:
    """Return the cells; without rows there are no headings."""
    assert content.endswith(b"\n") or not content
    objects = [json.loads(line, parse_int=Number, parse_float=Number) for line in content.decode().split("\n")[:-1]]
    return [list(objects[0]), *(list(it.values()) for it in objects)] if objects else []


def read_parquet(content: bytes) -> Rows:
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    return [table.column_names, *map(list, zip(*(column.to_pylist() for column in table.columns), strict=True))]


def read_sheets(content: bytes) -> dict[str, Rows]:
    """Return the rows of each sheet of a workbook by its name."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names}


def read_xlsx(content: bytes) -> Rows:
    (rows,) = read_sheets(content).values()
    return rows


READERS: dict[str, Callable[[bytes], Rows]] = {
    "csv": read_csv,
    "csv.gz": read_gzip,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
    "xlsx": read_xlsx,
}


def _milliseconds(cell: str) -> timedelta:
    hours, minutes, seconds, milliseconds = map(int, cell.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


def in_json(column: ReportColumn, cell: str, raw: str) -> Any:
    """Return what JSON Lines hold for a cell of the CSV; `raw` is the text as it is stored."""
    if not cell:
        return None
    if column.kind is ColumnKind.TEXT:
        return raw
    return Number(cell) if column.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL) else cell


def in_parquet(column: ReportColumn, cell: str, raw: str) -> Any:
    """Return what Parquet holds for a cell of the CSV."""
    if not cell:
        return None
    values: dict[ColumnKind, Callable[[str], Any]] = {
        ColumnKind.TEXT: lambda _cell: raw,
        ColumnKind.INTEGER: int,
        ColumnKind.DECIMAL: Decimal,
        ColumnKind.DATE: date.fromisoformat,
        ColumnKind.INSTANT: datetime.fromisoformat,
        ColumnKind.DURATION: _milliseconds,
    }
    return values[column.kind](cell)


def in_xlsx(column: ReportColumn, cell: str, _raw: str) -> Any:
    """Return what a sheet holds for a cell of the CSV."""
    if column.kind is ColumnKind.TEXT or not cell:
        return cell
    if column.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL):
        digits = Decimal(cell).normalize().as_tuple().digits
        return float(cell) if len(digits) <= 15 else cell
    if column.kind is ColumnKind.DURATION:
        return _milliseconds(cell)
    moment = datetime.fromisoformat(cell).replace(tzinfo=None)
    return cell if moment < datetime(1900, 3, 1) else moment  # noqa: DTZ001 - spreadsheets know no zone


EXPECTED: dict[str, Callable[[ReportColumn, str, str], Any]] = {
    "csv": lambda _column, cell, _raw: cell,
    "csv.gz": lambda _column, cell, _raw: cell,
    "jsonl": in_json,
    "parquet": in_parquet,
    "xlsx": in_xlsx,
}


def plain(value: Any) -> Any:
    """Return a value in the one form that is compared: a day becomes its midnight."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=None)  # noqa: DTZ001
    return value


def is_same(found: Any, expected: Any) -> bool:
    """Return whether two values are equal and of the same type."""
    found, expected = plain(found), plain(expected)
    if isinstance(expected, datetime) and isinstance(found, datetime):
        assert (found.tzinfo is None) == (expected.tzinfo is None)
        if expected.tzinfo is not None:
            assert found.utcoffset() == expected.astimezone(UTC).utcoffset()
    return type(found) is type(expected) and bool(found == expected)
