"""A moment, a subscription with usage, and somebody signed in."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from billing.models import Administrator, Subscription
from tests.screens.world import NOW, make_acme, make_member


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    """24 November 2017, 10:04 UTC; it does not pass by itself."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def subscription(db: None) -> Subscription:
    return make_acme(number="SUB-1001")


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return make_member(subscription.account, email="ana@acme.example")


@pytest.fixture
def ana_client(ana: Administrator) -> Client:
    """Ana, signed in."""
    client = Client()
    client.force_login(ana)
    return client
