"""Waiting for events, with a guard so generous that only a broken product reaches it.

No test asserts how long something took. What must end replaces work that would last practically for ever (a lock that
is never released, `pg_sleep(600)`): that it ended is the proof. What must be quick is a ratio in `make bench`.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

import pytest
from django.db import connection

GUARD_SECONDS = 90.0
"""What a busy machine never takes for a step of a test."""
FOREVER_SECONDS = 600
"""How long work lasts that something has to stop: far longer than the guard."""

Found = TypeVar("Found")


def wait_for(happened: Callable[[], Found], *, what: str, guard: float = GUARD_SECONDS, pause: float = 0.02) -> Found:
    """Return what the function returns once that is true; raise an AssertionError that names `what` after the guard."""
    end = time.monotonic() + guard
    while not (found := happened()):
        assert time.monotonic() < end, f"not within {guard:g} s: {what}"
        time.sleep(pause)
    return found


@contextmanager
def guarded(what: str, *, guard: float = GUARD_SECONDS) -> Iterator[None]:
    """Fail the test, naming `what`, if the block has not ended by itself by then; for the main thread.

    The failure is no `Exception`, so that no handler of the product takes it for a fault of the work.
    """

    def fail(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"not within {guard:g} s: {what}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, guard)
    try:
        yield
    except pytest.fail.Exception:
        connection.close()  # the statement that was interrupted is still under way on it
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
