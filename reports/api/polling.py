"""Long polling: requests that are held until a job's state changes, without a database connection.

One thread per process polls the jobs of all held requests, with a single query each time. It runs only while requests
are held: it is not started on import, because the web server forks its processes afterwards.
"""

import random
import re
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import Error, connection
from rest_framework.request import Request

from reports.api.exceptions import FieldError, invalid
from reports.models import ReportJob

logger = structlog.get_logger(__name__)

PARAMETER = "wait"
THREAD_NAME = "long polling"
MAX_WAIT_SECONDS = 30
POLL_INTERVAL_SECONDS = 0.25
ERROR_PAUSE_SECONDS = 1.0
MAX_RETRY_AFTER_SECONDS = 12


@dataclass(eq=False, slots=True)
class _HeldRequest:
    account: int
    job: uuid.UUID
    state: str
    changed: threading.Event = field(default_factory=threading.Event)


class LongPolls:
    """The held requests of this process, and the thread that wakes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # Guards both attributes below.
        self._held: dict[_HeldRequest, None] = {}  # In order of arrival.
        self._thread: threading.Thread | None = None

    @property
    def count(self) -> int:
        """Return the number of held requests."""
        with self._lock:
            return len(self._held)

    def wait(self, job: ReportJob, seconds: float, *, limit: int) -> bool:
        """Return True once the job's state has changed or the time is up; close this thread's database connection.

        Returns False immediately if `limit` requests are held already, unless the account that holds the most has at
        least two more than the job's account. Then the oldest request of that account is answered to make room.
        """
        held = _HeldRequest(job.account_id, job.pk, job.state)
        try:
            with self._lock:
                if len(self._held) >= limit and not self._make_room_for(job.account_id):
                    return False
                self._held[held] = None
                self._ensure_thread()
            if not connection.in_atomic_block:
                connection.close()
            held.changed.wait(seconds)
        finally:
            with self._lock:
                self._held.pop(held, None)
        return True

    def _make_room_for(self, account: int) -> bool:
        counts = Counter(held.account for held in self._held)
        for largest, count in counts.most_common(1):
            if count >= counts[account] + 2:
                oldest = next(held for held in self._held if held.account == largest)
                del self._held[oldest]
                oldest.changed.set()
                return True
        return False

    def _ensure_thread(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        try:
            while held := self._held_requests():
                try:
                    _wake_changed(held)
                except Error as error:
                    # The database may be restarting. Requests stay held, at the longest until their time is up.
                    logger.warning("long_poll_query_failed", error=str(error))
                    connection.close()
                    time.sleep(ERROR_PAUSE_SECONDS)
                else:
                    time.sleep(POLL_INTERVAL_SECONDS)
        finally:
            connection.close()  # Connections belong to threads: this one is the polling thread's.
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _held_requests(self) -> list[_HeldRequest]:
        """Return the held requests. If there are none, the thread ends, and the next request starts another."""
        with self._lock:
            if not self._held:
                self._thread = None
            return list(self._held)


def _wake_changed(held_requests: list[_HeldRequest]) -> None:
    jobs = {held.job for held in held_requests}
    states = dict(ReportJob.objects.filter(pk__in=jobs).values_list("pk", "state"))
    for held in held_requests:
        if states.get(held.job) != held.state:
            held.changed.set()


long_polls = LongPolls()


def max_held_requests() -> int:
    """Return how many requests a process may hold: half of its threads, so that the others stay free to respond."""
    return int(settings.WEB_THREADS) // 2


def requested_wait(request: Request) -> int:
    """Return the `wait` parameter in seconds, 0 without it; raise a problem for an invalid value."""
    given = request.query_params.get(PARAMETER, "0")
    if re.fullmatch("[0-9]{1,2}", given) and int(given) <= MAX_WAIT_SECONDS:
        return int(given)
    raise invalid([FieldError(PARAMETER, f"Give a whole number of seconds from 0 to {MAX_WAIT_SECONDS}.")])


def retry_after_seconds(seconds: int, *, at_least: int) -> int:
    """Return the `Retry-After` for a request that wanted to be held and was not, with jitter.

    Such a client was prepared to wait. If it retried immediately, it would occupy the threads that are kept free.
    """
    seconds = min(seconds, MAX_RETRY_AFTER_SECONDS)
    return max(at_least, random.randint(seconds * 3 // 4, seconds * 5 // 4))  # noqa: S311 - no secret


def wait_for_state_change(job: ReportJob, seconds: float) -> bool:
    """Return True once the job's state differs from the object's or the time is up; the caller then reloads the job.

    Returns earlier if another account needs the place. Returns False immediately, as there is nothing new to read,
    for a finished job, for 0 seconds, and if too many requests are held. A held request has no database connection.
    """
    if seconds <= 0 or job.is_finished:
        return False
    return long_polls.wait(job, seconds, limit=max_held_requests())
