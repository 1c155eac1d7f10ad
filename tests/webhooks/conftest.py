"""A receiver for each test, and the setting that lets messages go to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from reports.webhooks import sending
from tests.waiting import FOREVER_SECONDS
from tests.webhooks.receivers import Names, Receiver, receiver


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine answers late, and an attempt that is not given its seconds has enough of them."""
    monkeypatch.setattr(sending.send, "__kwdefaults__", {"seconds": FOREVER_SECONDS})


@pytest.fixture
def loopback(settings: Any) -> None:
    """Messages may go to this machine."""
    settings.WEBHOOKS_ALLOW_LOOPBACK = True


@pytest.fixture
def listener(loopback: None) -> Iterator[Receiver]:
    """A receiver on this machine."""
    with receiver() as state:
        yield state


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names stand for."""
    return Names(monkeypatch)
