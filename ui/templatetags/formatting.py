"""Template filters that write days, instants, numbers and amounts as `ui.formatting` does."""

from datetime import date, datetime
from decimal import Decimal

from django import template

from billing.cycles import DateRange
from ui import formatting

register = template.Library()


@register.filter
def day(value: date) -> str:
    return formatting.day_text(value)


@register.filter
def short_day(value: date) -> str:
    return formatting.day_text(value, year=False)


@register.filter
def days(value: DateRange) -> str:
    """Return `22 Nov – 21 Dec 2026`."""
    return formatting.days_text(value)


@register.filter
def minute(value: datetime) -> str:
    """Return `22 Nov 2026, 10:04`."""
    return formatting.minute_text(value)


@register.filter
def grouped(value: int) -> str:
    return formatting.number_text(value)


@register.filter
def amount(value: Decimal) -> str:
    return formatting.amount_text(value)


@register.filter
def date_value(value: date | str) -> str:
    """Return what a date field holds: a day as ISO 8601, or the text that was entered."""
    return value.isoformat() if isinstance(value, date) else value
