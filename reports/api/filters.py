"""The filters of lists. A value that none can have is refused with those that one can have: nothing is ignored."""

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
    """The day that a text names, in the one way of writing it; a ValueError for every other text."""
    if not DAY.fullmatch(text):
        raise ValueError(NO_DAY)
    return date.fromisoformat(text)


class DayFormField(forms.CharField):
    """A day as YYYY-MM-DD, and in no other way."""

    def to_python(self, value: Any) -> Any:
        """The day, or None without one."""
        try:
            return day_of(value) if value else None
        except ValueError:
            raise forms.ValidationError(NO_DAY) from None


class DayFilter(django_filters.Filter):  # type: ignore[misc]  # the package has no types
    """The instants from the start of a day, or with `through` before its end."""

    field_class = DayFormField

    def __init__(self, *args: Any, through: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.through = through

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        """Every instant lies before the end of the calendar's last day."""
        if value is None or (self.through and value == date.max):
            return qs
        if self.through:
            return qs.filter(**{f"{self.field_name}__lt": midnight(value + ONE_DAY)})
        return qs.filter(**{f"{self.field_name}__gte": midnight(value)})


class ListFilters(django_filters.FilterSet):  # type: ignore[misc]  # the package has no types
    """The filters of one list."""

    @classmethod
    def repeatable(cls) -> Collection[str]:
        """The parameters that may be given several times: any of the values will do."""
        several = django_filters.MultipleChoiceFilter
        return {name for name, declared in cls.base_filters.items() if isinstance(declared, several)}

    def field_errors(self) -> list[FieldError]:
        """What is wrong with the parameters, with the values that a choice has."""
        return [
            FieldError(name, " ".join(map(str, messages)), allowed=self._allowed(name))
            for name, messages in self.form.errors.items()
        ]

    def _allowed(self, name: str) -> list[str] | None:
        choices = getattr(self.form.fields[name], "choices", None)
        return None if choices is None else [str(value) for value, _label in choices]


class SubscriptionFilters(ListFilters):
    """Of subscriptions."""

    number = django_filters.CharFilter(help_text="The subscription with this number.", strip=False)
    account = django_filters.CharFilter("account__code", help_text="Those of the account with this code.", strip=False)

    class Meta:
        model = Subscription
        fields = ["number", "account"]


class ReportJobFilters(ListFilters):
    """Of report jobs."""

    report_type = django_filters.MultipleChoiceFilter(
        choices=lambda: [(known.slug, known.title) for known in types.all_types()],
        error_messages={"invalid_choice": "There is no report type %(value)s."},
        help_text="Those of this report type; of any of them, given several times.",
    )
    state = django_filters.MultipleChoiceFilter(
        choices=State.choices,
        error_messages={"invalid_choice": "There is no state %(value)s."},
        help_text="Those in this state; in any of them, given several times.",
    )
    subscription = django_filters.CharFilter(
        "subscription__number", help_text="Those on the subscription with this number.", strip=False
    )
    account = django_filters.CharFilter("account__code", help_text="Those of the account with this code.", strip=False)
    requested_from = DayFilter("requested_at", help_text="Those requested on this day (UTC) or after it.")
    requested_through = DayFilter(
        "requested_at", through=True, help_text="Those requested on this day (UTC) or before it."
    )

    class Meta:
        model = ReportJob
        fields = ["report_type", "state", "subscription", "account", "requested_from", "requested_through"]


class ListFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # the package has no types
    """Applies a view's `filterset_class`; what does not fit becomes a problem."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Model], view: APIView) -> Any:
        """The rows that fit."""
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            raise invalid(filterset.field_errors())
        return filterset.qs
