"""The API under load: many threads order reports, and many clients wait while others list jobs."""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Count

from benchmarks.measuring import Figure
from billing.models import Account, Administrator, ApiToken, Membership, Subscription
from jobs.states import State
from reports import types
from reports.models import ReportJob

THREADS, ACCOUNTS, RANGES, WAITERS = 20, 5, 8, 50
ROUNDS, LISTS_PER_ROUND = 4, 60
POST_BOUND, LIST_BOUND = 4, 2
NO_LIMITS = dict.fromkeys(
    (
        *("API_REQUESTS_PER_MINUTE_PER_TOKEN", "API_REQUESTS_PER_MINUTE_PER_ACCOUNT"),
        *("REPORT_JOBS_WAITING_PER_TOKEN", "REPORT_JOBS_WAITING_PER_ACCOUNT", "REPORT_JOBS_RUNNING_PER_ACCOUNT"),
    ),
    "0",
)
KEPT_SECONDS = 1
"""The web server keeps an idle connection for two."""
PORT = 0
USAGE = """
INSERT INTO usage_entity (account_id, kind, identifier, name, division)
 SELECT account.id, 'user', 'user' || n || '@example.com', '', ''
 FROM billing_account account, generate_series(1, 200) n WHERE account.code LIKE 'API%%';
INSERT INTO usage_loginsession (account_id, session_id, entity_id, charge_id, started_at, ended_at, billable)
 SELECT entity.account_id, entity.id || '-' || day, entity.id, (SELECT min(id) FROM billing_charge),
  now() - day * interval '24 hours', now() - day * interval '24 hours' + interval '8 hours', true
 FROM usage_entity entity JOIN billing_account account ON account.id = entity.account_id, generate_series(1, 30) day
 WHERE account.code LIKE 'API%%';
"""


class Program:
    """A thread's connection to the server."""

    def __init__(self, secret: str) -> None:
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self.used_at = 0.0

    def ask(
        self, method: str, address: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, float, dict[str, str]]:
        """Return status, content, seconds and headers of an answer."""
        content = None if body is None else json.dumps(body)
        start = time.perf_counter()
        if start - self.used_at > KEPT_SECONDS:
            self.connection.close()
        self.connection.request(method, address, content, self.headers | headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.used_at = time.perf_counter()
        seconds = self.used_at - start
        if answer.status >= 500:
            raise RuntimeError(f"{method} {address} answers {answer.status}: {text[:500]!r}")
        return answer.status, json.loads(text), seconds, dict(answer.headers)


def figures() -> Iterator[Figure]:
    """Measure both promises, each against its own yardstick in the same run."""
    secret = _fill()
    connection.close()
    with _serving():
        for _warm in range(10):
            Program(secret).ask("POST", "/bare/")
            Program(secret).ask("GET", "/api/v1/report-jobs/")
        with _working():
            yield _requests(secret)
        _one_key(secret)
        yield _lists_beside_waiters(secret)


def _requests(secret: str) -> Figure:
    """Send different requests from all threads, each followed by one to the bare view."""
    wanted = list(_different_requests())

    def ask(share: list[dict[str, str]]) -> list[tuple[float, float]]:
        program = Program(secret)
        pairs = []
        for body in share:
            status, _job, seconds, _headers = program.ask("POST", "/api/v1/report-jobs/", body)
            if status != 202:
                raise RuntimeError(f"asked for {body}, answered {status}: {_job}")
            pairs.append((seconds, program.ask("POST", "/bare/")[2]))
        return pairs

    with ThreadPoolExecutor(THREADS) as threads:
        pairs = [pair for share in threads.map(ask, (wanted[n::THREADS] for n in range(THREADS))) for pair in share]
    _all_made(len(wanted))
    posts, bare = (_p95(column) for column in zip(*pairs, strict=True))
    name = f"POST report-jobs, {len(wanted)} from {THREADS} threads, p95"
    return Figure(name, posts, "a bare view that inserts a row", bare, POST_BOUND)


def _different_requests() -> Iterator[dict[str, str]]:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for number in range(RANGES):
        for report_type in types.all_types():
            for subscription in Subscription.objects.filter(account__code__startswith="API"):
                yield {
                    "report_type": report_type.slug,
                    "subscription": subscription.number,
                    "date_from": str(yesterday - timedelta(days=10 + number)),
                    "date_through": str(yesterday),
                }


def _made_anew() -> dict[str, Any]:
    """Order one of them again, although its report exists and nothing has changed since."""
    return {**next(_different_requests()), "again": True}


def _all_made(wanted: int) -> None:
    """Wait until every job has its file, and check that there are no other jobs."""
    jobs = ReportJob.objects.all()
    end = time.monotonic() + 300
    while jobs.filter(state__in=[State.QUEUED, State.RUNNING]).exists():
        if time.monotonic() > end:
            raise RuntimeError("the jobs do not end")
        time.sleep(0.5)
    states = dict(jobs.values_list("state").annotate(Count("pk")))
    storage = ReportJob._meta.get_field("file").storage
    files = storage.listdir(ReportJob.folder)[1]
    if states != {State.SUCCEEDED: wanted} or len(files) != wanted:
        raise RuntimeError(f"of {wanted} jobs: {states}, {len(files)} files")


def _one_key(secret: str) -> None:
    """Send one key from fifty threads: there is one job, and every answer is the same."""
    before = ReportJob.objects.count()
    body = _made_anew()
    barrier = threading.Barrier(WAITERS)

    def ask(_number: int) -> str:
        program = Program(secret)
        barrier.wait()
        status, job, _seconds, _headers = program.ask(
            "POST", "/api/v1/report-jobs/", body, **{"Idempotency-Key": "the-one"}
        )
        return f"{status} {job.get('id')}"

    with ThreadPoolExecutor(WAITERS) as threads:
        answers = set(threads.map(ask, range(WAITERS)))
    if len(answers) != 1 or ReportJob.objects.count() != before + 1:
        raise RuntimeError(f"one key, {ReportJob.objects.count() - before} jobs: {answers}")


def _lists_beside_waiters(secret: str) -> Figure:
    """Measure the list with and without waiting clients, in turn. There is no worker, so every job stays queued."""
    alone, beside = [], []
    program = Program(secret)

    def lists() -> list[float]:
        return [program.ask("GET", "/api/v1/report-jobs/")[2] for _ in range(LISTS_PER_ROUND)]

    for _round in range(ROUNDS):
        alone += lists()
        with _waiters(secret):
            beside += lists()
    name = f"GET report-jobs beside {WAITERS} waiters, p95"
    return Figure(name, _p95(beside), "without them", _p95(alone), LIST_BOUND)


@contextmanager
def _waiters(secret: str) -> Iterator[None]:
    """Clients that wait for a job as the API documents it: the request is held, or the answer says when to retry."""
    body = _made_anew()
    status, job, _seconds, _headers = Program(secret).ask("POST", "/api/v1/report-jobs/", body)
    if status != 202:
        raise RuntimeError(f"no job to wait for: {job}")
    over = threading.Event()

    def wait() -> None:
        program = Program(secret)
        while not over.is_set():
            _status, seen, _seconds, headers = program.ask("GET", f"/api/v1/report-jobs/{job['id']}/?wait=20")
            if seen["state"] not in {"queued", "running"}:
                return
            over.wait(float(headers.get("Retry-After", 1)))

    threads = [threading.Thread(target=wait) for _ in range(WAITERS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        over.set()
        Program(secret).ask("POST", f"/api/v1/report-jobs/{job['id']}/cancel/")
        for thread in threads:
            thread.join()


def _p95(seconds: Iterable[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _fill() -> str:
    """Create accounts with a subscription and a month of logins, and an administrator of all of them with a token."""
    administrator = Administrator.objects.create_user("program@tallydesk.example")
    administrator.user_permissions.set(Permission.objects.filter(codename="view_subscription"))
    activated_on = datetime.now(UTC).date() - timedelta(days=400)
    for number in range(ACCOUNTS):
        account = Account.objects.create(code=f"API{number}", name=f"Customer {number}")
        Membership.objects.create(administrator=administrator, account=account)
        Subscription.objects.create(
            number=f"API-{number}", account=account, activation_date=activated_on, currency="USD"
        )
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO billing_charge (name, basis) VALUES ('CX 9 Named', 'named')")
        cursor.execute(USAGE.replace("%%", "%"))
    expires_at = datetime.now(UTC) + timedelta(days=1)
    return ApiToken.objects.issue(administrator=administrator, name="benchmark", expires_at=expires_at)[1]


@contextmanager
def _serving() -> Iterator[None]:
    """Run the web server as the demo does."""
    global PORT  # noqa: PLW0603 - where every thread connects
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        PORT = probe.getsockname()[1]
    where = ["--bind", f"127.0.0.1:{PORT}", "--workers", "2", "--worker-class", "gthread", "--threads", "4"]
    with _process("gunicorn", "config.wsgi:application", *where, "--preload", "--no-control-socket"):
        _until(lambda: socket.create_connection(("127.0.0.1", PORT), 1).close())
        yield


@contextmanager
def _working() -> Iterator[None]:
    """Run a worker with two processes for reports."""
    options = ["-Q", "reports", "-c", "2", "-l", "warning", "--without-gossip", "--without-mingle"]
    with _process("celery", "-A", "config", "--quiet", "worker", *options):
        yield


@contextmanager
def _process(module: str, *options: str) -> Iterator[None]:
    environment = os.environ | NO_LIMITS | {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}
    process = subprocess.Popen([sys.executable, "-m", module, *options], env=environment, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _until(works: Callable[[], None]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            works()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
