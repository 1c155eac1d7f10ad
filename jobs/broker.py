"""A circuit breaker for Redis: after a failure, this process does not call Redis for a while."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


class BrokerAwayError(Exception):
    """Raised instead of calling Redis: a recent call failed, and the pause is not over."""


class Circuit:
    """Suspends calls to Redis after a failure. One instance serves all threads of the process.

    When the pause is over, one thread tries Redis; the others go on without it until it has answered. A dead Redis thus
    costs one request in `BROKER_PAUSE_SECONDS` its time-outs, instead of every request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @contextmanager
    def guarding(self, *failures: type[Exception], patience: float | None = None) -> Iterator[None]:
        """Guard a block that calls Redis. Raises BrokerAwayError, without entering the block, during a pause.

        An exception of one of these types starts a pause, and so does a block that took longer than `patience` seconds.
        """
        if not self._may_call():
            raise BrokerAwayError("Redis did not answer a moment ago")
        began = time.monotonic()
        try:
            yield
        except failures:
            self._start_pause()
            raise
        if patience is not None and time.monotonic() - began > patience:
            self._start_pause()
        else:
            self.forget()

    def forget(self) -> None:
        """End the pause, so that the next call goes to Redis."""
        with self._lock:
            self._retry_at = None

    def renew_lock(self) -> None:
        """Replace the lock after a fork: the thread that held the old one may not exist in the child."""
        self._lock = threading.Lock()

    def _may_call(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._retry_at is None:
                return True
            if now < self._retry_at:
                return False
            self._retry_at = now + settings.BROKER_PAUSE_SECONDS
            return True

    def _start_pause(self) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + settings.BROKER_PAUSE_SECONDS


circuit = Circuit()
os.register_at_fork(after_in_child=circuit.renew_lock)
