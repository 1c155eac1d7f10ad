"""How days, numbers, sizes, amounts and moments read on a screen."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from billing.cycles import DateRange
from reports.cell_texts import decimal_text, duration_text
from reports.report_type import Column, Kind
from reports.totals import MILLISECONDS, Line

KILO = 1000
MINUTES_IN_AN_HOUR = 60
MINUTES_IN_A_DAY = 24 * 60
SHORT_SECONDS, MINUTE, HOUR = 10, 60, 3600


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


def instant_text(instant: datetime, *, milliseconds: bool = False) -> str:
    """`22 Nov 2026, 09:14:03 UTC`: for whoever has to be exact; as exact as files are, or to the millisecond."""
    fraction = f".{instant.microsecond // 1000:03}" if milliseconds else ""
    return f"{day_text(instant.date())}, {instant:%H:%M:%S}{fraction} UTC"


def took_text(time: timedelta) -> str:
    """`0.4 seconds`, `12 seconds`, `2 min 5 s`, `1 h 2 min`."""
    tenths = time // timedelta(milliseconds=100)
    seconds = tenths // 10
    if seconds < SHORT_SECONDS:
        return f"{tenths / 10} seconds"
    if seconds < MINUTE:
        return f"{seconds} seconds"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE} s"
    return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"


def ago_text(moment: datetime, now: datetime) -> str:
    """`just now`, `5 minutes ago`, `1 hour ago`, `3 days ago`: whole ones, the rest cut off."""
    minutes = int((now - moment).total_seconds()) // 60
    if minutes < 1:  # clocks of two machines may differ a little
        return "just now"
    if minutes < MINUTES_IN_AN_HOUR:
        return f"{counted(minutes, 'minute', 'minutes')} ago"
    if minutes < MINUTES_IN_A_DAY:
        return f"{counted(minutes // MINUTES_IN_AN_HOUR, 'hour', 'hours')} ago"
    return f"{counted(minutes // MINUTES_IN_A_DAY, 'day', 'days')} ago"


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
