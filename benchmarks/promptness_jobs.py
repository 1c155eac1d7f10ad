"""How soon a worker is free after its job is cancelled, and how soon a change answers a waiting request."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from django.db import connection, transaction

from benchmarks.measuring import Figure
from benchmarks.reports_world import ACTIVATED_ON, Customer
from benchmarks.uploads_memory import serving
from billing.cycles import DateRange
from billing.models import ApiToken
from jobs import shutdown
from jobs.heartbeat import GLANCE_SECONDS, PROGRESS_SECONDS
from jobs.running import Attempt, Work, run
from reports.api.polling import MAX_WAIT_SECONDS, POLL_INTERVAL_SECONDS
from reports.models import ReportJob

DAYS = DateRange(ACTIVATED_ON, ACTIVATED_ON)
FOREVER_SECONDS = 600
UNDER_WAY_SECONDS = 1.0
"""After this time work is interrupted: it has begun by then, and the heartbeat has looked."""
HEARTBEAT_SECONDS = PROGRESS_SECONDS + GLANCE_SECONDS
ROUNDS, WAITS = 4, 7
STOP_BOUND = 2.5
"""Two seconds at most, of pauses that take 0.7."""
SHUTDOWN_BOUND = 6
WAIT_BOUND = 3


def figures() -> Iterator[Figure]:
    """Compare with the pause between heartbeats, the longest time until a worker notices; the rest is the stopping."""
    customer = Customer.make("PROMPT")
    works: dict[str, Work[ReportJob]] = {"a query": _query, "a wait for a lock": _lock, "rows": _rows}
    pause = HEARTBEAT_SECONDS
    for name, work in works.items():
        seconds = _longest(customer, work, lambda job: ReportJob.objects.get(pk=job.pk).cancel())
        yield Figure(f"cancelling {name} until the worker is free", seconds, "a heartbeat's pause", pause, STOP_BOUND)
        seconds = _longest(customer, work, _take_over)
        yield Figure(f"losing the claim to {name}, as above", seconds, "a heartbeat's pause", pause, STOP_BOUND)
        seconds = _longest(customer, work, lambda _job: shutdown.request())
        yield Figure(f"stopping the worker of {name}, as above", seconds, "its glance", GLANCE_SECONDS, SHUTDOWN_BOUND)
    yield _wait(customer)


def _query(_attempt: Attempt[ReportJob]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [FOREVER_SECONDS])


def _lock(_attempt: Attempt[ReportJob]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE usage_entity IN ACCESS EXCLUSIVE MODE")


def _rows(attempt: Attempt[ReportJob]) -> None:
    for number in count():
        attempt.report_rows(number)
        time.sleep(0.001)


def _take_over(job: ReportJob) -> None:
    ReportJob.objects.filter(pk=job.pk).update(fence=99)


def _longest(customer: Customer, work: Work[ReportJob], interrupt: Callable[[ReportJob], object]) -> float:
    """Return the longest of several rounds, interrupted at moments spread over the pause between heartbeats."""
    moments = (UNDER_WAY_SECONDS + number * HEARTBEAT_SECONDS / ROUNDS for number in range(ROUNDS))
    return max(_seconds(customer, work, interrupt, after=moment) for moment in moments)


def _seconds(
    customer: Customer, work: Work[ReportJob], interrupt: Callable[[ReportJob], object], *, after: float
) -> float:
    """Do the work, and return how long it continues after the interruption."""
    job = customer.asked("user-hours", DAYS)
    interrupted_at: list[float] = []

    def later() -> None:
        time.sleep(after)
        interrupted_at.append(time.perf_counter())
        interrupt(job)
        connection.close()

    def in_a_transaction(attempt: Attempt[ReportJob]) -> None:
        with transaction.atomic():
            work(attempt)

    thread = threading.Thread(target=later)
    with _entities_locked():
        thread.start()
        run(ReportJob, job.pk, in_a_transaction)
        end = time.perf_counter()
        thread.join()
    shutdown.forget()
    job.delete()
    if end < interrupted_at[0]:
        raise RuntimeError("the work ended before it was interrupted")
    return end - interrupted_at[0]


@contextmanager
def _entities_locked() -> Iterator[None]:
    """Hold a lock on the table in another transaction."""
    locked, over = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE usage_entity IN ACCESS EXCLUSIVE MODE")
            locked.set()
            over.wait()
        connection.close()

    thread = threading.Thread(target=lock)
    thread.start()
    locked.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wait(customer: Customer) -> Figure:
    """Return the seconds from a change to the answer of a request that waits for it."""
    expires_at = datetime.now(UTC) + timedelta(days=1)
    secret = ApiToken.objects.issue(administrator=customer.administrator, name="benchmark", expires_at=expires_at)[1]
    waits, gets = [], []
    with serving() as (_server, port):
        for _round in range(WAITS):
            job = customer.asked("user-hours", DAYS)
            address = f"/api/v1/report-jobs/{job.pk}/"
            _get(port, secret, address)
            began = time.perf_counter()
            _get(port, secret, address)
            gets.append(time.perf_counter() - began)
            answered_at: list[float] = []

            def wait(address: str = address, answered_at: list[float] = answered_at) -> None:
                _get(port, secret, f"{address}?wait={MAX_WAIT_SECONDS}")
                answered_at.append(time.perf_counter())

            thread = threading.Thread(target=wait)
            thread.start()
            time.sleep(UNDER_WAY_SECONDS)
            if answered_at:
                raise RuntimeError("the request is not held")
            changed_at = time.perf_counter()
            job.cancel()
            thread.join()
            waits.append(answered_at[0] - changed_at)
            job.delete()
    name = f"?wait={MAX_WAIT_SECONDS} from the change to its answer, median of {WAITS}"
    against = POLL_INTERVAL_SECONDS + statistics.median(gets)
    return Figure(name, statistics.median(waits), "the pause between looks and a plain GET", against, WAIT_BOUND)


def _get(port: int, secret: str, address: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * MAX_WAIT_SECONDS)
    connection.request("GET", address, headers={"Authorization": f"Bearer {secret}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"GET {address} answers {answer.status}")
