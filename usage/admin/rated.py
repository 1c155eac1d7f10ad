"""The admin of contracts and prices: saving one rates the unrated calls that it covers, in the same transaction."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from billing.data_admin import DataAdmin
from ui.formatting import number_text
from usage.locks import lock_shared_tables
from usage.rating import rate_unrated_calls


class RatedAdmin(DataAdmin):
    """Rates unrated calls when a contract or price is saved. Rated calls stay as they are."""

    def lock_before_writing(self) -> None:
        """Take the lock of uploads, too, and before any other, as they do."""
        lock_shared_tables()
        super().lock_before_writing()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save related rows, then rate the calls that are now covered, and show their number."""
        super().save_related(request, form, formsets, change)
        rated = rate_unrated_calls()
        if rated:
            calls = "1 call that had no rate is" if rated == 1 else f"{number_text(rated)} calls that had no rate are"
            messages.info(request, f"{calls} rated now.")
