"""Accounts, administrators, subscriptions, charges and rate sheets."""

from billing.models.accounts import Account, AccountQuerySet
from billing.models.administrators import Administrator, Membership
from billing.models.api_tokens import ApiToken, ApiTokenQuerySet
from billing.models.charges import Charge
from billing.models.data_versions import DataVersion
from billing.models.rate_sheets import Direction, Rate, RateSheet, RateSheetVersion, UsageGroup
from billing.models.subscriptions import Subscription, SubscriptionQuerySet, TelcoCommitDiscount
from billing.models.uploaded import UploadedModel

__all__ = [
    "Account",
    "AccountQuerySet",
    "Administrator",
    "ApiToken",
    "ApiTokenQuerySet",
    "Charge",
    "DataVersion",
    "Direction",
    "Membership",
    "Rate",
    "RateSheet",
    "RateSheetVersion",
    "Subscription",
    "SubscriptionQuerySet",
    "TelcoCommitDiscount",
    "UploadedModel",
    "UsageGroup",
]
