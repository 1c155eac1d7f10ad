"""Saving what calls are rated by: the calls that it now covers are rated in the same transaction."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from billing.data_admin import DataAdmin
from ui.formatting import number_text
from usage.locks import lock_shared_tables
from usage.rating import rate_unrated_calls


class CoveringAdmin(DataAdmin):
    """Subscriptions, rate sheets and what belongs to them. Rated calls stay as they are."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Wait for uploads under way before the first row is written: they, too, take this lock first."""
        lock_shared_tables()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """With everything of the page saved, rate what it covers, and say so."""
        super().save_related(request, form, formsets, change)
        rated = rate_unrated_calls()
        if rated:
            calls = "1 call that had no rate is" if rated == 1 else f"{number_text(rated)} calls that had no rate are"
            messages.info(request, f"{calls} rated now.")
