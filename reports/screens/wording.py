"""The texts of report cells, control totals and people who wait, as screens show them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from reports.engine.cells import decimal_text, duration_text
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.totals import MILLISECONDS, Line


def still_waiting_text(people: Sequence[str]) -> str:
    """Return `ana@acme.example still waits` or `ana@acme.example and 2 others still wait`."""
    if len(people) == 1:
        return f"{people[0]} still waits"
    others = people[1] if len(people) == 2 else f"{len(people) - 1} others"
    return f"{people[0]} and {others} still wait"


def total_text(amount: Decimal, unit: str) -> str:
    """Return a control total with all its digits, the integer part grouped by thousands; a duration as in files."""
    return duration_text(int(amount)) if unit == MILLISECONDS else f"{amount:,f}"


def total_unit_text(line: Line) -> str:
    """Return the unit of a control total (for a duration, its format) and its group."""
    unit = "hh:mm:ss:mmm" if line.unit == MILLISECONDS else line.unit
    return " ".join(filter(None, [unit, line.group]))


def cell_text(column: ReportColumn, value: object) -> str:
    """Return a cell as the report's file writes it, except that text is not escaped."""
    if value is None:
        return ""
    if column.kind is ColumnKind.DECIMAL and isinstance(value, Decimal):
        return decimal_text(value, *column.decimals)
    if column.kind is ColumnKind.INSTANT and isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
    if column.kind is ColumnKind.DURATION and isinstance(value, int):
        return duration_text(value)
    return str(value)
