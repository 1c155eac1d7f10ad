"""The admin of users and devices."""

import unicodedata
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.identifiers import trimmed
from usage.admin.exporting import Exporting
from usage.admin.long_lists import LongListAdmin
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Device, UploadKind, User


class EntityAdmin(LongListAdmin):
    """A user or device that logs in to the platform."""

    list_display = ["identifier", "account", "name"]
    search_fields = ["identifier__startswith"]
    ordering = ["identifier", "account_id"]

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Search by prefix of the identifier, which an index serves."""
        term = trimmed(search_term)
        return (queryset.filter(identifier__startswith=self.as_written(term)) if term else queryset), False

    def as_written(self, term: str) -> str:
        """Return a search term in the form in which identifiers are stored."""
        return term


@admin.register(User)
class UserAdmin(UploadedModelAdmin, Exporting, EntityAdmin):
    icon = "users"
    export_kind = UploadKind.USERS
    list_display = ["identifier", "account", "name", "division"]
    search_help_text = "The beginning of an e-mail address"
    fields = ["account", "identifier", "name", "division"]

    def as_written(self, term: str) -> str:
        """Return the term in lower case and NFC, as e-mail addresses are stored."""
        return unicodedata.normalize("NFC", term.lower())


@admin.register(Device)
class DeviceAdmin(UploadedModelAdmin, Exporting, EntityAdmin):
    icon = "device"
    export_kind = UploadKind.DEVICES
    search_help_text = "The beginning of a device ID"
    fields = ["account", "identifier", "name"]
