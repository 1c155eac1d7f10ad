"""The admin of accounts."""

from django.contrib import admin

from billing.models import Account
from billing.scoped_admin import ScopedAdmin
from usage.admin.exporting import Exporting
from usage.models import UploadKind


@admin.register(Account)
class AccountAdmin(Exporting, ScopedAdmin):
    """The customers."""

    export_kind = UploadKind.ACCOUNTS
    list_display = ["name", "code"]
    search_fields = ["name", "code"]
