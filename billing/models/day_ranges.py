"""Ranges of days in the database, and the constraint that keeps them apart."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db.models import F, Func, Value


class InclusiveDays(Func):
    """`daterange(first, last, '[]')`: two days, both included. NULL stands for no limit."""

    function = "DATERANGE"
    output_field = DateRangeField()

    def __init__(self, first: str, last: str) -> None:
        super().__init__(F(first), F(last), Value("[]"))


def days_do_not_overlap(
    *, of: str, first: str = "effective_from", last: str = "effective_through", **options: Any
) -> ExclusionConstraint:
    """Return the constraint that no two rows with one value of the field `of` share a day.

    `first` and `last` name the fields of a row's first and last day; the other options are those of
    `ExclusionConstraint`, `name` among them.
    """
    return ExclusionConstraint(
        expressions=[(of, RangeOperators.EQUAL), (InclusiveDays(first, last), RangeOperators.OVERLAPS)], **options
    )
