"""The admin of accounts, contracts, rates, raw usage and uploads."""

from usage.admin import accounts, calls, charges, entities, login_sessions, rate_sheets, resource_usage, subscriptions
from usage.admin.uploads import admin as uploads

__all__ = [
    "accounts",
    "calls",
    "charges",
    "entities",
    "login_sessions",
    "rate_sheets",
    "resource_usage",
    "subscriptions",
    "uploads",
]
