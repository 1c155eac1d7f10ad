"""The texts of report cells, control totals and people who wait, as screens show them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from reports import types
from reports.engine.cells import decimal_text, duration_text
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.totals import MILLISECONDS, Line, Totals
from reports.models import ReportJob

_KINDS: dict[str, str] = {
    ColumnKind.TEXT: "text",
    ColumnKind.INTEGER: "whole number",
    ColumnKind.DECIMAL: "decimal number",
    ColumnKind.DATE: "date",
    ColumnKind.INSTANT: "date and time (UTC)",
    ColumnKind.DURATION: "duration",
}


def still_waiting_text(people: Sequence[str]) -> str:
    """Return `ana@acme.example still waits` or `ana@acme.example and 2 others still wait`."""
    if len(people) == 1:
        return f"{people[0]} still waits"
    others = people[1] if len(people) == 2 else f"{len(people) - 1} others"
    return f"{people[0]} and {others} still wait"


def named_totals(job: ReportJob) -> list[Line]:
    """Return the control totals of a report, in the words of its type; none for files that did not record them.

    Sums that earlier versions made of columns that do not add up are left out.
    """
    if job.totals is None:
        return []
    try:
        columns = types.by_slug(job.report_type).columns
    except KeyError:  # the type has been removed since
        columns = ()
    meaningless = {column.heading for column in columns if not column.adds_up}
    totals = Totals.from_json(job.totals)
    kept = replace(totals, sums=tuple(found for found in totals.sums if found.column not in meaningless))
    return list(kept.lines(columns))


def kind_text(kind: str) -> str:
    """Return the kind of a column in words; a kind that no longer exists, as it is."""
    return _KINDS.get(kind, kind)


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
