"""Conditions on amounts that constraints share."""

from decimal import Decimal

from django.db.models import DecimalField, Q, Value
from django.db.models.functions import Cast


def finite(field: str) -> Q:
    """The condition that an amount is 0 or more and a number: NaN is greater than every number, so >= lets it in."""
    return Q(**{f"{field}__gte": Decimal(0)}) & ~Q(
        **{field: Cast(Value("NaN"), DecimalField(max_digits=24, decimal_places=6))}
    )
