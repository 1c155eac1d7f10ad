"""How cells and control totals of reports read on a screen, and who still waits for one."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from reports.engine.cells import decimal_text, duration_text
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.totals import MILLISECONDS, Line


def still_waiting_text(people: Sequence[str]) -> str:
    """`ana@acme.example still waits`, `ana@acme.example and 2 others still wait`."""
    if len(people) == 1:
        return f"{people[0]} still waits"
    others = people[1] if len(people) == 2 else f"{len(people) - 1} others"
    return f"{people[0]} and {others} still wait"


def total_text(amount: Decimal, unit: str) -> str:
    """A control total of this unit with all its digits, the whole ones in groups of three; a duration as in files."""
    return duration_text(int(amount)) if unit == MILLISECONDS else f"{amount:,f}"


def total_unit_text(line: Line) -> str:
    """What a control total is an amount of: its unit, or how to read the duration, and its group."""
    unit = "hh:mm:ss:mmm" if line.unit == MILLISECONDS else line.unit
    return " ".join(filter(None, [unit, line.group]))


def cell_text(column: ReportColumn, value: object) -> str:
    """A cell of a report as its file would write it, save that text stays as it is."""
    if value is None:
        return ""
    if column.kind is ColumnKind.DECIMAL and isinstance(value, Decimal):
        return decimal_text(value, *column.decimals)
    if column.kind is ColumnKind.INSTANT and isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if column.kind is ColumnKind.DURATION and isinstance(value, int):
        return duration_text(value)
    return str(value)
