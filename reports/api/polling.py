"""Long polling: a request that is held until a job's state changes, and that holds no database connection meanwhile.

However many requests wait, one thread of the process looks after all their jobs, with one query each time. It is there
only while somebody waits: nothing is begun when the module is loaded, before the web server forks its processes.
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
MAX_WAIT_SECONDS = 30
POLL_INTERVAL_SECONDS = 0.25
ERROR_PAUSE_SECONDS = 1.0
MAX_RETRY_AFTER_SECONDS = 12


@dataclass(eq=False, slots=True)
class _Waiter:
    account: int
    job: uuid.UUID
    state: str
    changed: threading.Event = field(default_factory=threading.Event)


class Watch:
    """Those who wait in this process, and the thread that wakes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of both
        self._waiters: dict[_Waiter, None] = {}  # in the order in which they came
        self._thread: threading.Thread | None = None

    @property
    def requests(self) -> int:
        """How many requests wait."""
        with self._lock:
            return len(self._waiters)

    def wait(self, job: ReportJob, seconds: float, *, most: int) -> bool:
        """Return once the job's state is another one, or the time is up; the thread's database connection is closed.

        False, and at once, when `most` wait already: then nothing was done. An account that has two places more than
        the job's gives one of them up: who waits there longest is answered.
        """
        waiter = _Waiter(job.account_id, job.pk, job.state)
        try:
            with self._lock:
                if len(self._waiters) >= most and not self._make_room_for(job.account_id):
                    return False
                self._waiters[waiter] = None
                self._begin()
            if not connection.in_atomic_block:
                connection.close()
            waiter.changed.wait(seconds)
        finally:
            with self._lock:
                self._waiters.pop(waiter, None)
        return True

    def _make_room_for(self, account: int) -> bool:
        places = Counter(waiter.account for waiter in self._waiters)
        for greediest, count in places.most_common(1):
            if count >= places[account] + 2:
                longest = next(waiter for waiter in self._waiters if waiter.account == greediest)
                del self._waiters[longest]
                longest.changed.set()
                return True
        return False

    def _begin(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="watch over awaited jobs", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        try:
            while waiters := self._awaited():
                try:
                    _wake(waiters)
                except Error as error:
                    # A database that restarts: whoever waits does so a while longer, to the end of their time at most.
                    logger.warning("watch_over_jobs_failed", error=str(error))
                    connection.close()
                    time.sleep(ERROR_PAUSE_SECONDS)
                else:
                    time.sleep(POLL_INTERVAL_SECONDS)
        finally:
            connection.close()  # this thread's own
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _awaited(self) -> list[_Waiter]:
        """Those who wait. When nobody does, the thread is over: whoever comes next begins another."""
        with self._lock:
            if not self._waiters:
                self._thread = None
            return list(self._waiters)


def _wake(waiters: list[_Waiter]) -> None:
    jobs = {waiter.job for waiter in waiters}
    states = dict(ReportJob.objects.filter(pk__in=jobs).values_list("pk", "state"))
    for waiter in waiters:
        if states.get(waiter.job) != waiter.state:
            waiter.changed.set()


watch = Watch()


def max_held_requests() -> int:
    """How many requests may wait in a process: at most half of its threads, so that the others are free to answer."""
    return int(settings.WEB_THREADS) // 2


def requested_wait(request: Request) -> int:
    """How long the query asks to be held; 0 without the parameter. Raises the problem of another value."""
    given = request.query_params.get(PARAMETER, "0")
    if re.fullmatch("[0-9]{1,2}", given) and int(given) <= MAX_WAIT_SECONDS:
        return int(given)
    raise invalid([FieldError(PARAMETER, f"Give a whole number of seconds from 0 through {MAX_WAIT_SECONDS}.")])


def retry_after_seconds(seconds: int, *, at_least: int) -> int:
    """When to come back for who asked to be held and was not; not all of them at one moment.

    They would have waited anyway. Coming back at once, they would take the threads that waiting leaves to the others.
    """
    seconds = min(seconds, MAX_RETRY_AFTER_SECONDS)
    return max(at_least, random.randint(seconds * 3 // 4, seconds * 5 // 4))  # noqa: S311 - no secret


def wait_for_state_change(job: ReportJob, seconds: float) -> bool:
    """Return once the state of the job's row differs from the object's, or after so many seconds; then read it again.

    Sooner, when others need the place more. At once, and with False, for a finished job, for 0 seconds, and when as
    many requests wait as may: there is nothing new to read. While it is held, the request has no database connection.
    """
    if seconds <= 0 or job.is_finished:
        return False
    return watch.wait(job, seconds, most=max_held_requests())
