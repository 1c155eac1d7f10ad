"""The admin of charges with their allowances, and of resources."""

from django.contrib import admin

from billing.data_admin import DataAdmin
from billing.models import Charge
from billing.scoped_admin import ScopedInline
from usage.admin.exporting import Exporting
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Allowance, Resource, UploadKind


class AllowanceInline(ScopedInline):
    """The quantities that a licence of the charge includes."""

    model = Allowance


@admin.register(Charge)
class ChargeAdmin(UploadedModelAdmin, Exporting, DataAdmin):
    export_kind = UploadKind.CHARGES
    section = "Charges and rates"
    icon = "charge"
    list_display = ["name", "basis"]
    list_filter = ["basis"]
    search_fields = ["name"]
    inlines = [AllowanceInline]


@admin.register(Resource)
class ResourceAdmin(UploadedModelAdmin, Exporting, DataAdmin):
    """Billable things consumed by quantity."""

    export_kind = UploadKind.RESOURCES
    section = "Charges and rates"
    icon = "resource"
    list_display = ["name", "unit"]
    search_fields = ["name"]
