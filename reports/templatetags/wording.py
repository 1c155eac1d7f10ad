"""Template filters: days, numbers, sizes and amounts as screens write them."""

from datetime import date
from decimal import Decimal

from django import template

from billing.cycles import ONE_DAY, DateRange
from reports.screens import wording

register = template.Library()


@register.filter
def day(value: date) -> str:
    """`22 Nov 2026`."""
    return wording.day_text(value)


@register.filter
def short_day(value: date) -> str:
    """`22 Nov`."""
    return wording.day_text(value, year=False)


@register.filter
def days(value: DateRange) -> str:
    """`22 Nov – 21 Dec 2026`."""
    return wording.days_text(value)


@register.filter
def grouped(value: int) -> str:
    """`100,412`."""
    return wording.count_text(value)


@register.filter
def amount(value: Decimal) -> str:
    """`312.40`."""
    return wording.amount_text(value)


@register.filter
def date_value(value: date | str) -> str:
    """The value of a date field, be it a day or what somebody typed."""
    return value.isoformat() if isinstance(value, date) else value


@register.simple_tag
def tomorrow(today: date) -> str:
    """The day after, `22 Nov 2026`."""
    return wording.day_text(today + ONE_DAY)
