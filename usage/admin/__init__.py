"""The admin of contracts, rates, raw usage and uploads."""

from usage.admin import calls, charges, entities, login_sessions, rate_sheets, resource_usage, subscriptions, uploads

__all__ = [
    "calls",
    "charges",
    "entities",
    "login_sessions",
    "rate_sheets",
    "resource_usage",
    "subscriptions",
    "uploads",
]
