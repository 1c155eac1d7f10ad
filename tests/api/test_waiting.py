"""Long polling: requests are woken, time out, are limited in number, and hold no database connection."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from billing.models import Administrator, ApiToken, Membership, Subscription
from jobs.claims import Claim
from jobs.states import State
from reports.api import polling as product
from reports.api.polling import wait_for_state_change
from reports.models import ReportJob
from tests.addresses import to
from tests.api import patient_web_server
from tests.api.patient_web_server import LONGEST_WAIT
from tests.api_clients import ApiClient
from tests.factories import make_account, make_api_token, make_subscription
from tests.people import make_member
from tests.processes import Processes
from tests.report_jobs import make_job
from tests.waiting import GUARD_SECONDS, wait_for

POLLING = product.THREAD_NAME
WOKEN = GUARD_SECONDS - 30
"""Seconds within which a request that is not held, or was woken, is answered: far fewer than LONGEST_WAIT."""
KNOWN_CONNECTIONS = set[int]()
"""Those that were there when the test began, as of a server that all tests share."""
RESULT = {"file": "reports/x.csv", "file_rows": 1, "file_bytes": 1, "file_sha256": "0" * 64}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: Any
    elapsed: float


class Program:
    """An HTTP client in threads of its own."""

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self.secret = secret
        self.threads = ThreadPoolExecutor(16)

    def get(self, path: str) -> Answer:
        """Return the response to a GET and how long it took."""
        began = time.monotonic()
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.secret}"})
        try:
            with urllib.request.urlopen(request, timeout=2 * LONGEST_WAIT) as answer:
                status, headers, body = answer.status, answer.headers, json.load(answer)
        except HTTPError as error:
            status, headers, body = error.code, error.headers, json.load(error)
        return Answer(status, headers, body, time.monotonic() - began)

    def wait(self, job: ReportJob, seconds: int = LONGEST_WAIT) -> "Future[Answer]":
        """Return the future response to a request that waits for the job."""
        return self.threads.submit(self.get, f"{to('report-job', job.pk)}?wait={seconds}")


@pytest.fixture
def subscription(transactional_db: None, subscription: Subscription) -> Subscription:
    """Return a committed subscription: long polls read it on other connections."""
    KNOWN_CONNECTIONS.clear()
    KNOWN_CONNECTIONS.update(other_connections())
    return subscription


@pytest.fixture
def job(subscription: Subscription) -> ReportJob:
    return make_job(subscription=subscription)


@pytest.fixture
def secret(ana: Administrator) -> str:
    return make_api_token(administrator=ana, expires_at=timezone.now() + timedelta(days=1))[1]


@pytest.fixture
def program(live_server: LiveServer, secret: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Return a client of a server in this process, so that the test sees which requests are held."""
    monkeypatch.setattr(product, "MAX_WAIT_SECONDS", LONGEST_WAIT)
    program = Program(live_server.url, secret)
    yield program
    program.threads.shutdown()
    wait_for(lambda: not watching(), what="the polling thread has ended")


def watching() -> list[threading.Thread]:
    """Return the polling threads of this process."""
    return [thread for thread in threading.enumerate() if thread.name == POLLING]


def other_connections() -> list[int]:
    """Return the backend processes of connections that are not the test's and were opened during it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return [pid for (pid,) in cursor.fetchall() if pid not in KNOWN_CONNECTIONS]


def waits(requests: int = 1) -> None:
    """Return once this number of requests wait without a connection, so that only the polling thread has one."""
    wait_for(
        lambda: product.long_polls.count == requests and len(other_connections()) == 1,
        what=f"{requests} requests wait",
    )


def claim(job: ReportJob) -> None:
    ReportJob.objects.claim(job.pk)


def fail_in_the_sweep(job: ReportJob) -> None:
    ReportJob.objects.filter(pk=job.pk).update(attempt=3)
    ReportJob.objects.release_abandoned()


def succeed(job: ReportJob) -> None:
    claimed = ReportJob.objects.claim(job.pk)
    assert claimed is not None
    Claim.of(claimed).succeed(**RESULT)


CHANGES: list[tuple[Callable[[ReportJob], Any], str]] = [
    (claim, "running"),
    (ReportJob.cancel, "cancelled"),
    (fail_in_the_sweep, "failed"),
    (succeed, "succeeded"),
]


@pytest.mark.parametrize(("change", "state"), CHANGES, ids=[state for _change, state in CHANGES])
def test_a_change_answers_the_request_that_waits_for_it(
    program: Program, job: ReportJob, change: Callable[[ReportJob], Any], state: str
) -> None:
    waiting = program.wait(job)
    waits()
    assert not waiting.done()
    change(job)
    answer = waiting.result(WOKEN)
    assert (answer.status, answer.body["state"]) == (200, state)
    assert ("Retry-After" in answer.headers) == (state == "running")


def test_when_the_time_is_up_the_answer_is_how_the_job_stands(program: Program, job: ReportJob) -> None:
    answer = program.wait(job, 1).result(WOKEN)
    assert answer.elapsed >= 1
    assert (answer.status, answer.body["state"]) == (200, "queued")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_finished_job_is_not_waited_for(program: Program, job: ReportJob) -> None:
    job.cancel()
    assert program.wait(job).result(WOKEN).body["state"] == "cancelled"


@pytest.mark.parametrize("query", ["", "?wait=0", "?wait=00"])
def test_a_request_without_wait_is_not_held(program: Program, job: ReportJob, query: str) -> None:
    answer = program.threads.submit(program.get, to("report-job", job.pk) + query).result(WOKEN)
    assert answer.body["state"] == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize("wait", ["31", "-1", "1.5", "soon", "٣", "9" * 5000])
def test_no_other_value_is_a_time_to_wait(client: ApiClient, job: ReportJob, wait: str) -> None:
    answer = client.get(to("report-job", job.pk), {"wait": wait})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]


def test_however_many_wait_one_connection_looks_after_all_and_none_is_left(
    program: Program, subscription: Subscription, settings: Any
) -> None:
    settings.WEB_THREADS = 20
    jobs = [make_job(subscription=subscription) for _ in range(5)]
    waiting = [program.wait(job) for job in jobs for _ in range(2)]
    waits(10)
    assert len(watching()) == 1
    for job in jobs:
        job.cancel()
    assert {future.result(WOKEN).body["state"] for future in waiting} == {"cancelled"}
    wait_for(lambda: not other_connections() and not watching(), what="the polling thread has ended")


def test_at_most_half_of_the_threads_wait_and_the_others_are_answered(
    program: Program, job: ReportJob, settings: Any
) -> None:
    settings.WEB_THREADS = 5
    waiting = [program.wait(job) for _ in range(2)]
    waits(2)
    third = program.wait(job).result(WOKEN)
    assert (third.status, third.body["state"]) == (200, "queued")
    assert 9 <= int(third.headers["Retry-After"]) <= 15  # otherwise the remaining threads could not answer others
    assert not any(future.done() for future in waiting)
    job.cancel()
    assert {future.result(WOKEN).body["state"] for future in waiting} == {"cancelled"}
    assert program.wait(make_job(subscription=job.subscription), 1).result(WOKEN).elapsed >= 1


def test_no_account_keeps_the_others_from_waiting(
    program: Program, job: ReportJob, live_server: LiveServer, settings: Any
) -> None:
    settings.WEB_THREADS = 4
    account = make_account()
    other = make_member(account)
    secret = make_api_token(administrator=other, expires_at=timezone.now() + timedelta(days=1))[1]
    theirs = Program(live_server.url, secret)
    greedy = [program.wait(job) for _ in range(2)]
    waits(2)
    waiting = theirs.wait(make_job(subscription=make_subscription(account=account)))
    wait_for(lambda: any(future.done() for future in greedy), what="one of two gives its place up")
    waits(2)
    ended, held = sorted(greedy, key=lambda future: not future.done())
    assert ended.result().body["state"] == "queued"
    assert program.wait(job).result(WOKEN).body["state"] == "queued"  # the same account cannot take it again
    assert theirs.wait(job).result(WOKEN).status == 404
    assert not held.done()
    assert not waiting.done()
    ReportJob.objects.update(state=State.CANCELLED, finished_at=Now())
    assert {future.result(WOKEN).body["state"] for future in (held, waiting)} == {"cancelled"}
    theirs.threads.shutdown()


def test_without_waiting_the_connection_is_kept_for_the_next_request(job: ReportJob, settings: Any) -> None:
    settings.WEB_THREADS = 1  # it could not answer others
    used = connection.connection
    assert not wait_for_state_change(job, 20)
    assert connection.connection is used is not None


def lose_the_account(_ana: Administrator) -> None:
    Membership.objects.all().delete()


def lose_the_permission(ana: Administrator) -> None:
    ana.user_permissions.clear()


def lose_the_token(_ana: Administrator) -> None:
    ApiToken.objects.update(revoked_at=Now())


def lose_it_all(_ana: Administrator) -> None:
    Administrator.objects.update(is_active=False)


@pytest.mark.parametrize(
    ("lose", "status"), [(lose_the_account, 404), (lose_the_permission, 403), (lose_the_token, 401), (lose_it_all, 401)]
)
def test_what_was_taken_away_while_waiting_is_gone(
    program: Program, job: ReportJob, ana: Administrator, lose: Callable[[Administrator], None], status: int
) -> None:
    waiting = program.wait(job)
    waits()
    lose(ana)
    job.cancel()
    answer = waiting.result(WOKEN)
    assert (answer.status, answer.body["status"]) == (status, status)
    assert "state" not in answer.body


def test_polling_goes_on_after_losing_its_connection(program: Program, job: ReportJob) -> None:
    waiting = program.wait(job)
    waits()
    (polling,) = other_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [polling])
    wait_for(lambda: polling not in other_connections(), what="its connection is gone")
    job.cancel()
    assert waiting.result(WOKEN).body["state"] == "cancelled"


def test_deleting_a_job_wakes_the_requests_that_wait_for_it(program: Program, job: ReportJob) -> None:
    waiting = program.wait(job)
    waits()
    job.delete()
    assert waiting.result(WOKEN).status == 404


def test_a_web_server_that_forked_holds_half_of_its_threads_and_answers_with_the_others(
    processes: Processes, job: ReportJob, secret: str
) -> None:
    patient = ["--config", patient_web_server.__file__]
    program = Program(processes.web("--workers", "1", *patient, WEB_THREADS=4), secret)
    assert program.get(to("report-jobs")).status == 200  # the first request loads modules for the others
    waiting = [program.wait(job) for _ in range(6)]
    done = wait_for(lambda: [future for future in waiting if future.done()][3:4], what="four are answered")
    assert done[0].result().body["state"] == "queued"
    others = [program.threads.submit(program.get, to("report-jobs")) for _ in range(5)]
    assert [other.result(WOKEN).status for other in others] == [200] * 5
    assert len(other_connections()) <= 1 + 4
    assert len([future for future in waiting if future.done()]) == 4
    job.cancel()
    states = [future.result(WOKEN).body["state"] for future in waiting]
    assert sorted(states) == ["cancelled"] * 2 + ["queued"] * 4
    assert ReportJob.objects.get().state == State.CANCELLED
    program.threads.shutdown()
