"""The admin of accounts and people. Contracts and rates are in `usage.admin`: saving them rates calls."""

from django.contrib import admin

from billing import people_admin
from billing.models import Account
from billing.scoped_admin import ScopedAdmin

__all__ = ["AccountAdmin", "people_admin"]


@admin.register(Account)
class AccountAdmin(ScopedAdmin):
    """The customers."""

    list_display = ["name", "code"]
    search_fields = ["name", "code"]
