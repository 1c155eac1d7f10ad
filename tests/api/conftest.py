"""A moment, a customer with a subscription, and a program of theirs."""

from collections.abc import Iterator

import pytest
import time_machine

from billing.models import Administrator, Subscription
from tests.api.world import NOW, ApiClient, Canary, make_canary, make_member, program
from tests.factories import make_account, make_subscription


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    """24 November 2017, 10:04 UTC, by the clock of the application; it does not pass by itself."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def subscription(db: None) -> Subscription:
    """Activated on 21 October 2017, on 24 November in its second cycle."""
    return make_subscription(account=make_account(code="ACME"), number="SUB-1001")


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return make_member(subscription.account, email="ana@acme.example")


@pytest.fixture
def client(ana: Administrator) -> ApiClient:
    """A program of Ana's."""
    return program(ana)


@pytest.fixture
def canary(db: None) -> Canary:
    return make_canary()
