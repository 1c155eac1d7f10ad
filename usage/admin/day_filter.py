"""A filter by recent days, offered once an account is chosen, whose index serves it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from billing.cycles import midnight
from usage.admin.long_lists import chooses_account


def last_days(number: int, now: datetime) -> tuple[datetime, datetime]:
    """Return the half-open period of the last complete days (UTC)."""
    today = midnight(now.date())
    return today - timedelta(days=number), today


class StartedFilter(admin.SimpleListFilter):
    """Filters calls or sessions by the days on which they started."""

    title = "started"
    parameter_name = "days"

    CHOICES: ClassVar = {"1": "Yesterday", "7": "Last 7 days", "30": "Last 30 days"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return no choices while the list shows all accounts."""
        if not chooses_account(request):
            return []
        return list(self.CHOICES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows that started in the chosen period."""
        number = self.value()
        if number is None or number not in self.CHOICES:
            return queryset
        return queryset.started_within(last_days(int(number), timezone.now()))  # type: ignore[attr-defined,no-any-return]  # calls or sessions
