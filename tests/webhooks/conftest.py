"""Deliveries that are not short of time, and host names that a test defines."""

import pytest

from reports.webhooks import send
from tests.waiting import FOREVER_SECONDS
from tests.webhook_receivers import Names


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine answers late, and an attempt that is not given its seconds has enough of them."""
    monkeypatch.setattr(send.send, "__kwdefaults__", {"seconds": FOREVER_SECONDS})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names stand for."""
    return Names(monkeypatch)
