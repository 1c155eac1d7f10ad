"""The admin of login sessions, a read-only list."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from usage.admin.day_filter import StartedFilter
from usage.admin.exporting import Exporting
from usage.admin.long_lists import LongListAdmin, chooses_account
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Entity, LoginSession, UploadKind


@admin.register(LoginSession)
class LoginSessionAdmin(UploadedModelAdmin, Exporting, LongListAdmin):
    """Sessions of a user or device, from login to logout."""

    icon = "session"
    export_kind = UploadKind.SESSIONS
    list_display = ["session_id", "account", "entity", "charge", "started_at", "ended_at", "billable"]
    list_filter = [*LongListAdmin.list_filter, StartedFilter]
    list_select_related = ["account", "entity", "charge"]
    search_fields = ["session_id__exact", "entity__identifier__exact"]
    search_help_text = "A whole session ID, e-mail address or device ID"

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order of the index that serves the filters, latest first."""
        if request.GET.get("q"):
            return ["-started_at"]
        if chooses_account(request):
            return ["-account_id", "-started_at"]
        return ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the whole ID or by entity; entities are looked up first, because no index spans both tables."""
        term = search_term.strip()
        if not term:
            return queryset, False
        entities = Entity.objects.visible_to(request.user).filter(identifier__in={term, term.lower()})  # type: ignore[arg-type]  # signed in
        numbers = list(entities.values_list("pk", flat=True))
        return queryset.filter(Q(session_id=term) | Q(entity_id__in=numbers)), False
