"""Deliveries with a generous time limit, and host names that a test defines."""

import pytest

from reports.webhooks import send
from tests.waiting import FOREVER_SECONDS
from tests.webhook_receivers import Names


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give attempts without an explicit limit enough time for a busy machine."""
    monkeypatch.setattr(send.send, "__kwdefaults__", {"seconds": FOREVER_SECONDS})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Return the host names that resolve, to be filled in by the test."""
    return Names(monkeypatch)
