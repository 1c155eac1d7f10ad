"""The admin of calls, a read-only list."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from usage.admin.day_filter import StartedFilter
from usage.admin.exporting import Exporting
from usage.admin.long_lists import LongListAdmin, chooses_account
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Call, UploadKind


class UnratedFilter(admin.SimpleListFilter):
    """Filters calls that lack a rate. They are neither dropped nor free, so staff must be able to find them."""

    title = "rating"
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unrated", "Unrated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.unrated() if self.value() == "unrated" else queryset  # type: ignore[attr-defined]  # calls


@admin.register(Call)
class CallAdmin(UploadedModelAdmin, Exporting, LongListAdmin):
    """Every call, rated or not."""

    icon = "calls"
    export_kind = UploadKind.CALLS
    list_display = [
        "sip_call_id",
        "account",
        "started_at",
        "ended_at",
        "origin",
        "destination",
        "usage_group",
        "direction",
        "rate_per_minute",
        "cost",
        "currency",
    ]
    list_filter = [UnratedFilter, *LongListAdmin.list_filter, StartedFilter]
    search_fields = ["sip_call_id__exact"]
    search_help_text = "A whole SIP call ID"
    fields = [
        "account",
        "sip_call_id",
        "origin",
        "destination",
        "usage_group",
        "call_type",
        "direction",
        "started_at",
        "ended_at",
        "duration_seconds",
        "rate_sheet_version",
        "rate_per_minute",
        "adjusted_seconds",
        "cost",
        "currency",
    ]
    readonly_fields = ["duration_seconds"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order of the index that serves the filters, latest first."""
        if request.GET.get("q"):
            return ["sip_call_id", "account_id"]
        if request.GET.get("rating") == "unrated":
            return ["-account_id", "-started_at"]
        if chooses_account(request):
            return ["-account_id", "-started_at", "-sip_call_id"]
        return ["-id"]

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the whole ID only."""
        term = search_term.strip()
        return (queryset.filter(sip_call_id=term) if term else queryset), False
