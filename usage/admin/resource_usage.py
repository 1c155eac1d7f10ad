"""The admin of resource usage, a read-only list."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from usage.admin.exporting import Exporting
from usage.admin.long_lists import LongListAdmin, chooses_account
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import ResourceUsage, UploadKind


@admin.register(ResourceUsage)
class ResourceUsageAdmin(UploadedModelAdmin, Exporting, LongListAdmin):
    """What was consumed, day by day."""

    icon = "resource"
    export_kind = UploadKind.RESOURCE_USAGE
    list_display = ["used_on", "account", "resource", "quantity"]
    list_select_related = ["account", "resource"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order of the account's index, latest day first."""
        return ["-account_id", "-used_on", "-resource_id"] if chooses_account(request) else ["-id"]
