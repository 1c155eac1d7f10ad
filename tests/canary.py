"""A customer whose texts must not appear in responses to other customers."""

from dataclasses import dataclass

from billing.models import Administrator, Subscription
from tests.factories import make_account, make_subscription
from tests.people import make_member

CANARY = "Canary"
"""Part of every text in the customer's rows."""


@dataclass(frozen=True)
class Canary:
    """A customer with canary strings in every text."""

    subscription: Subscription
    administrator: Administrator


def make_canary() -> Canary:
    """Return an account with a subscription and an administrator."""
    account = make_account(code="CANARY-ACCOUNT-CODE", name="Canary Account Name")
    subscription = make_subscription(account=account, number="CANARY-NUMBER")
    return Canary(subscription, make_member(account, email="canary@canary.example", name="Canary Administrator"))
