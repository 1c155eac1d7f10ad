"""How days, numbers, sizes, amounts and moments read on a screen."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from billing.cycles import DateRange
from reports.cell_texts import decimal_text, duration_text
from reports.report_type import Column, Kind

KILO = 1000


def day_text(day: date, *, year: bool = True) -> str:
    """`22 Nov 2026`, or without the year."""
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def days_text(days: DateRange, *, year: bool = True) -> str:
    """`22 Nov – 21 Dec 2026`; two years name both; one day is one day."""
    first, last = days.date_from, days.date_through
    if first == last:
        return day_text(first, year=year)
    return f"{day_text(first, year=first.year != last.year)} – {day_text(last, year=year or first.year != last.year)}"


def count_text(number: int) -> str:
    """`100,412`."""
    return f"{number:,}"


def counted(number: int, one: str, many: str) -> str:
    """`1 row`, `100,412 rows`."""
    return f"{count_text(number)} {one if number == 1 else many}"


def amount_text(amount: Decimal) -> str:
    """`1,312.40`: two decimals, half up."""
    return f"{amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def size_text(size: int) -> str:
    """`18 MB`, `1 kB`, `612 bytes`: in steps of a thousand."""
    if size < KILO:
        return counted(size, "byte", "bytes")
    number, units = Decimal(size) / KILO, ["kB", "MB", "GB", "TB"]
    while number >= Decimal("999.5") and len(units) > 1:  # 999.6 kB would round up to 1000 kB
        number, units = number / KILO, units[1:]
    return f"{number.quantize(Decimal(1), ROUND_HALF_UP)} {units[0]}"


def moment_text(moment: datetime, today: date) -> str:
    """`10:04` today, `21 Nov, 10:04` before, with the year when it is another one."""
    if moment.date() == today:
        return f"{moment:%H:%M}"
    return f"{day_text(moment.date(), year=moment.year != today.year)}, {moment:%H:%M}"


def cell_text(column: Column, value: object) -> str:
    """A cell of a report as its file would write it, save that text stays as it is."""
    if value is None:
        return ""
    if column.kind is Kind.DECIMAL and isinstance(value, Decimal):
        return decimal_text(value, *column.decimals)
    if column.kind is Kind.INSTANT and isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if column.kind is Kind.DURATION and isinstance(value, int):
        return duration_text(value)
    return str(value)
