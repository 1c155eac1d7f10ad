"""Conditions on amounts and currencies, shared by constraints."""

from decimal import Decimal

from django.db.models import CheckConstraint, DecimalField, Q, Value
from django.db.models.functions import Cast


def finite(field: str) -> Q:
    """Return the condition that an amount is a number of 0 or more. `>=` alone accepts NaN, the greatest value."""
    return Q(**{f"{field}__gte": Decimal(0)}) & ~Q(
        **{field: Cast(Value("NaN"), DecimalField(max_digits=24, decimal_places=6))}
    )


def currency_is_a_code(*, name: str) -> CheckConstraint:
    """Return the constraint that the field `currency` holds three capital letters (ISO 4217)."""
    return CheckConstraint(
        condition=Q(currency__regex=r"^[A-Z]{3}$"),
        name=name,
        violation_error_message="The currency must be a code of three capital letters, such as USD.",
    )
