"""The admin of accounts, the customers."""

from django.contrib import admin

from billing.data_admin import DataAdmin
from billing.models import Account
from usage.admin.exporting import Exporting
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import UploadKind


@admin.register(Account)
class AccountAdmin(UploadedModelAdmin, Exporting, DataAdmin):
    icon = "account"
    export_kind = UploadKind.ACCOUNTS
    list_display = ["name", "code"]
    search_fields = ["name", "code"]
