"""The screens as Ana sees them: a subscription with usage, and a frozen clock."""

import pytest
import time_machine

from billing.models import Subscription


@pytest.fixture(autouse=True)
def _clock_that_stands_still(now: time_machine.Traveller) -> None:
    """Show the screens of 24 November 2017."""


@pytest.fixture
def subscription(subscription_with_usage: Subscription) -> Subscription:
    """Return the subscription with usage."""
    return subscription_with_usage
