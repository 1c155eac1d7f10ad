"""Conditions on amounts, shared by constraints."""

from decimal import Decimal

from django.db.models import DecimalField, Q, Value
from django.db.models.functions import Cast


def finite(field: str) -> Q:
    """Return the condition that an amount is a number of 0 or more. `>=` alone accepts NaN, the greatest value."""
    return Q(**{f"{field}__gte": Decimal(0)}) & ~Q(
        **{field: Cast(Value("NaN"), DecimalField(max_digits=24, decimal_places=6))}
    )
