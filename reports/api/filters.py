"""Filters of lists. Invalid values are rejected with the list of valid ones; nothing is ignored."""

import re
from collections.abc import Collection
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import Model, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.cycles import ONE_DAY, midnight
from billing.models import Subscription
from jobs.states import State
from reports import types
from reports.api.exceptions import FieldError, invalid
from reports.models import ReportJob

DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
NO_DAY = "Give a day as YYYY-MM-DD."


def day_of(text: str) -> date:
    """Return the day written as YYYY-MM-DD; raise ValueError for any other text."""
    if not DAY.fullmatch(text):
        raise ValueError(NO_DAY)
    return date.fromisoformat(text)


class DayFormField(forms.CharField):
    """A day, written YYYY-MM-DD only."""

    def to_python(self, value: Any) -> Any:
        """Return the day; None for an empty value."""
        try:
            return day_of(value) if value else None
        except ValueError:
            raise forms.ValidationError(NO_DAY) from None


class DayFilter(django_filters.Filter):  # type: ignore[misc]  # the package has no types
    """Selects instants from the start of a day on; with `through`, instants before the end of the day."""

    field_class = DayFormField

    def __init__(self, *args: Any, through: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.through = through

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        # Every instant is before the end of the last day that Python knows, and the day after it does not exist.
        if value is None or (self.through and value == date.max):
            return qs
        if self.through:
            return qs.filter(**{f"{self.field_name}__lt": midnight(value + ONE_DAY)})
        return qs.filter(**{f"{self.field_name}__gte": midnight(value)})


class ListFilters(django_filters.FilterSet):  # type: ignore[misc]  # the package has no types
    """Base class for the filters of a list."""

    @classmethod
    def repeatable(cls) -> Collection[str]:
        """Return the parameters that may be repeated, to match any of several values."""
        several = django_filters.MultipleChoiceFilter
        return {name for name, declared in cls.base_filters.items() if isinstance(declared, several)}

    def field_errors(self) -> list[FieldError]:
        """Return the errors of the parameters, with the allowed values of choices."""
        return [
            FieldError(name, " ".join(map(str, messages)), allowed=self._allowed(name))
            for name, messages in self.form.errors.items()
        ]

    def _allowed(self, name: str) -> list[str] | None:
        choices = getattr(self.form.fields[name], "choices", None)
        return None if choices is None else [str(value) for value, _label in choices]


class SubscriptionFilters(ListFilters):
    """Filters of the list of subscriptions."""

    number = django_filters.CharFilter(help_text="Only the subscription with this number.", strip=False)
    account = django_filters.CharFilter(
        "account__code", help_text="Only subscriptions of the account with this code.", strip=False
    )

    class Meta:
        model = Subscription
        fields = ["number", "account"]


class ReportJobFilters(ListFilters):
    """Filters of the list of report jobs."""

    report_type = django_filters.MultipleChoiceFilter(
        choices=lambda: [(known.slug, known.title) for known in types.all_types()],
        error_messages={"invalid_choice": "There is no report type %(value)s."},
        help_text="Only jobs of this report type. Repeat the parameter to match any of several.",
    )
    state = django_filters.MultipleChoiceFilter(
        choices=State.choices,
        error_messages={"invalid_choice": "There is no state %(value)s."},
        help_text="Only jobs in this state. Repeat the parameter to match any of several.",
    )
    subscription = django_filters.CharFilter(
        "subscription__number", help_text="Only jobs for the subscription with this number.", strip=False
    )
    account = django_filters.CharFilter(
        "account__code", help_text="Only jobs of the account with this code.", strip=False
    )
    requested_from = DayFilter("requested_at", help_text="Only jobs requested on or after this day (UTC).")
    requested_through = DayFilter(
        "requested_at", through=True, help_text="Only jobs requested on or before this day (UTC)."
    )

    class Meta:
        model = ReportJob
        fields = ["report_type", "state", "subscription", "account", "requested_from", "requested_through"]


class ListFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # the package has no types
    """Applies a view's `filterset_class`; invalid parameters become a problem."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Model], view: APIView) -> Any:
        """Return the matching rows; raise the problem of invalid parameters."""
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            raise invalid(filterset.field_errors())
        return filterset.qs
