"""What this process knows of Redis: after it failed to answer, it is left alone for a while."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


class BrokerAwayError(Exception):
    """Redis was asked a moment ago and did not answer: it is not asked again yet."""


class Circuit:
    """Counts how long Redis is left alone after a failure; one for the process, for any number of its threads.

    When the pause is over, one thread tries, and the others go on without Redis until it is known to answer: a dead
    Redis costs one request in `BROKER_PAUSE_SECONDS` its time-outs, not all of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @contextmanager
    def guarding(self, *failures: type[Exception], patience: float | None = None) -> Iterator[None]:
        """Around what asks Redis. Raises BrokerAwayError instead of asking while Redis is left alone.

        An exception of these types begins a pause, and so does an answer that took longer than `patience` seconds.
        """
        if not self._may_ask():
            raise BrokerAwayError("Redis did not answer a moment ago")
        began = time.monotonic()
        try:
            yield
        except failures:
            self._failed()
            raise
        if patience is not None and time.monotonic() - began > patience:
            self._failed()
        else:
            self.forget()

    def forget(self) -> None:
        """Ask Redis again from now on."""
        with self._lock:
            self._retry_at = None

    def renew_lock(self) -> None:
        """In a forked process: the thread that held the lock may have stayed behind."""
        self._lock = threading.Lock()

    def _may_ask(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._retry_at is None:
                return True
            if now < self._retry_at:
                return False
            self._retry_at = now + settings.BROKER_PAUSE_SECONDS
            return True

    def _failed(self) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + settings.BROKER_PAUSE_SECONDS


circuit = Circuit()
os.register_at_fork(after_in_child=circuit.renew_lock)
