"""The lists of users and devices."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from usage.admin.exporting import Exporting
from usage.admin.long_lists import LongListAdmin
from usage.admin.uploaded import UploadOrigin
from usage.models import Device, UploadKind, User


class EntityAdmin(LongListAdmin):
    """Whoever logs in to the platform."""

    list_display = ["identifier", "account", "name"]
    search_fields = ["identifier__startswith"]
    ordering = ["identifier", "account_id"]

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """By the beginning of the identifier, which is in the order of the index."""
        term = search_term.strip()
        return (queryset.filter(identifier__startswith=self.as_written(term)) if term else queryset), False

    def as_written(self, term: str) -> str:
        """A search term in the form in which the identifiers are kept."""
        return term


@admin.register(User)
class UserAdmin(UploadOrigin, Exporting, EntityAdmin):
    """The customers' people."""

    icon = "users"
    export_kind = UploadKind.USERS
    list_display = ["identifier", "account", "name", "division"]
    search_help_text = "The beginning of an e-mail address"
    fields = ["account", "identifier", "name", "division"]

    def as_written(self, term: str) -> str:
        """E-mail addresses are kept in lower case."""
        return term.lower()


@admin.register(Device)
class DeviceAdmin(UploadOrigin, Exporting, EntityAdmin):
    """Phones and appliances."""

    icon = "device"
    export_kind = UploadKind.DEVICES
    search_help_text = "The beginning of a device ID"
    fields = ["account", "identifier", "name"]
