"""Formats numbers, sizes, durations, days and instants for every screen.

`static/tallydesk/formatting.js` writes the same where the server cannot: the size of a file that is being uploaded.
"""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from billing.cycles import DateRange

UNITS = ("kB", "MB", "GB", "TB")
TENTH = timedelta(milliseconds=100)
MINUTES_IN_AN_HOUR = 60
MINUTES_IN_A_DAY = 24 * 60
TEN_SECONDS, MINUTE, HOUR = 10, 60, 3600


def number_text(number: int) -> str:
    return f"{number:,}"


def count_text(number: int, one: str = "row", many: str = "rows") -> str:
    """Return `1 row` or `100,412 rows`."""
    return f"{number_text(number)} {one if number == 1 else many}"


def amount_text(amount: Decimal) -> str:
    """Return `1,312.40`: two decimals, half up."""
    return f"{amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def size_text(size: int) -> str:
    """Return `612 bytes`, `4.1 kB` or `18 MB`: in steps of a thousand, half up, with one decimal below ten."""
    if size < 1000:
        return count_text(size, "byte", "bytes")
    unit, names = 1000, list(UNITS)
    while 2 * size >= 1999 * unit and len(names) > 1:  # 999.5 kB would round up to 1000 kB
        unit, names = unit * 1000, names[1:]
    tenths = (20 * size + unit) // (2 * unit)
    number = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else str((2 * size + unit) // (2 * unit))
    return f"{number} {names[0]}"


def duration_text(duration: timedelta) -> str:
    """Return `under 0.1 s`, `0.4 s`, `12 s`, `2 min 5 s` or `1 h 2 min`: only whole units, rounded down."""
    tenths = duration // TENTH
    seconds = tenths // 10
    if tenths < 1:  # or below zero, since the clocks of two machines may differ a little
        return "under 0.1 s"
    if seconds < TEN_SECONDS:
        return f"{seconds}.{tenths % 10} s"
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE} s"
    return f"{number_text(seconds // HOUR)} h {seconds % HOUR // MINUTE} min"


def day_text(day: date, *, year: bool = True) -> str:
    """Return `22 Nov 2026`, or the same without its year."""
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def days_text(days: DateRange, *, year: bool = True) -> str:
    """Return `22 Nov – 21 Dec 2026`; a range across years names both years, and a range of one day is that day."""
    first, last = days.date_from, days.date_through
    if first == last:
        return day_text(first, year=year)
    return f"{day_text(first, year=first.year != last.year)} – {day_text(last, year=year or first.year != last.year)}"


def minute_text(instant: datetime, *, year: bool = True) -> str:
    """Return `22 Nov 2026, 10:04`, or the same without its year."""
    return f"{day_text(instant.date(), year=year)}, {instant:%H:%M}"


def moment_text(instant: datetime, today: date) -> str:
    """Return `10:04` for an instant of today, `21 Nov, 10:04` for one of this year, else the day with its year."""
    if instant.date() == today:
        return f"{instant:%H:%M}"
    return minute_text(instant, year=instant.year != today.year)


def instant_text(instant: datetime, *, milliseconds: bool = False) -> str:
    """Return `22 Nov 2026, 09:14:03 UTC`, on request to the millisecond (`09:14:03.129`)."""
    fraction = f".{instant.microsecond // 1000:03}" if milliseconds else ""
    return f"{day_text(instant.date())}, {instant:%H:%M:%S}{fraction} UTC"


def ago_text(instant: datetime, now: datetime) -> str:
    """Return `just now`, `5 minutes ago`, `1 hour ago` or `3 days ago`: only whole units, rounded down."""
    minutes = int((now - instant).total_seconds()) // 60
    if minutes < 1:  # or below zero, since the clocks of two machines may differ a little
        return "just now"
    if minutes < MINUTES_IN_AN_HOUR:
        return f"{count_text(minutes, 'minute', 'minutes')} ago"
    if minutes < MINUTES_IN_A_DAY:
        return f"{count_text(minutes // MINUTES_IN_AN_HOUR, 'hour', 'hours')} ago"
    return f"{count_text(minutes // MINUTES_IN_A_DAY, 'day', 'days')} ago"
