"""Billing cycles by counting months on the calendar, written down independently of the product."""

from collections.abc import Iterator
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


def anniversary(activation: date, months: int) -> date:
    """Return the same day some months later, or the month's last day where the month has no such day."""
    year, month = activation.year, activation.month
    for _ in range(months):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    day = activation.day
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1


def cycles(activation: date, policy: str) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of every cycle, without end."""
    first_day = activation
    months = 1
    while True:
        last_day = anniversary(activation, months)
        if policy == "before_anniversary":
            last_day -= ONE_DAY
        elif policy != "through_anniversary":
            raise ValueError(f"unknown policy: {policy}")
        yield first_day, last_day
        first_day = last_day + ONE_DAY
        months += 1


def cycle_on(activation: date, policy: str, day: date) -> tuple[date, date]:
    """Return the first and last day of the cycle that contains a day."""
    if day < activation:
        raise ValueError(f"{day} is before the activation on {activation}")
    return next((first, last) for first, last in cycles(activation, policy) if day <= last)
