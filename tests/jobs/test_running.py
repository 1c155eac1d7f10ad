"""A job's run from its claim to its end, whatever happens in between."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from billing.models import Account
from jobs import shutdown
from jobs.running import Attempt, JobFailedError, run
from jobs.states import State
from reports.models import ReportJob
from tests.database_activity import is_executing
from tests.report_jobs import expire_lease, make_job
from tests.waiting import FOREVER_SECONDS, GUARD_SECONDS, guarded, wait_for

RESULT = {"file": "reports/x.csv", "file_rows": 3, "file_bytes": 1, "file_sha256": "0"}

pytestmark = pytest.mark.django_db(transaction=True)

Work = Callable[[Attempt[ReportJob]], None]


def run_once(job: ReportJob, work: Work) -> ReportJob:
    run(ReportJob, job.pk, work)
    job.refresh_from_db()
    return job


def raising(error: BaseException) -> Work:
    def work(attempt: Attempt[ReportJob]) -> None:
        raise error

    return work


def meanwhile(work: Work, happens: Callable[[], Any]) -> Work:
    """Return the same work. Once its query runs or its progress is recorded, `happens` acts as another process."""

    def later() -> None:
        try:
            progressed = ReportJob.objects.filter(rows_done__gt=0)
            wait_for(lambda: is_executing("pg_sleep") or progressed.exists(), what="the work has begun")
            happens()
        finally:
            connection.close()

    def begun(attempt: Attempt[ReportJob]) -> None:
        with ThreadPoolExecutor(1) as threads:
            happening = threads.submit(later)
            try:
                work(attempt)
            finally:
                happening.result(GUARD_SECONDS)

    return begun


def endless_query(attempt: Attempt[ReportJob]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [FOREVER_SECONDS])


def endless_computation(attempt: Attempt[ReportJob]) -> None:
    wait_for(lambda: attempt.report_rows(1), what="the work is stopped", guard=FOREVER_SECONDS)


def test_work_that_succeeds_leaves_its_result() -> None:
    job = run_once(make_job(), lambda attempt: attempt.succeed(**RESULT))
    assert (job.state, job.file_rows, job.attempt, job.lease_until) == (State.SUCCEEDED, 3, 1, None)
    assert job.started_at
    assert job.finished_at
    assert job.started_at <= job.finished_at


def test_what_cannot_be_done_fails_with_its_sentence() -> None:
    job = run_once(make_job(), raising(JobFailedError("There is no such thing.")))
    assert (job.state, job.failure) == (State.FAILED, "There is no such thing.")


@pytest.mark.parametrize(("fence", "expected"), [(1, (State.FAILED, "It broke.", 1)), (99, (State.RUNNING, "", 0))])
def test_what_is_saved_with_a_failure_is_saved_with_it_or_not_at_all(
    fence: int, expected: tuple[State, str, int]
) -> None:
    def work(attempt: Attempt[ReportJob]) -> None:
        ReportJob.objects.filter(pk=attempt.job.pk).update(fence=fence)
        with transaction.atomic():
            Account.objects.update(name="Renamed")
            attempt.fail("It broke.")

    job = run_once(make_job(), work)
    assert (job.state, job.failure, Account.objects.filter(name="Renamed").count()) == expected


def test_an_unexpected_error_is_hidden_from_people_and_not_retried() -> None:
    job = run_once(make_job(), raising(ValueError("secret")))
    assert (job.state, job.attempt) == (State.FAILED, 1)
    assert "secret" not in job.failure
    assert "Try again" in job.failure


def test_a_database_that_goes_away_is_tried_again_up_to_three_times() -> None:
    job = make_job()
    for attempt in (1, 2):
        run_once(job, raising(OperationalError("the connection is gone")))
        assert (job.state, job.attempt, job.published_at) == (State.QUEUED, attempt, None)
    run_once(job, raising(OSError("the disk is full")))
    assert (job.state, job.attempt) == (State.FAILED, 3)


def progress_of(job: ReportJob) -> tuple[int, int | None]:
    """Return the job's progress as other connections see it."""

    def look() -> tuple[int, int | None]:
        try:
            return ReportJob.objects.values_list("rows_done", "rows_expected").get(pk=job.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        return threads.submit(look).result()


def test_progress_is_recorded_while_the_work_goes_on_and_its_transaction_is_open() -> None:
    def work(attempt: Attempt[ReportJob]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            attempt.expect(10)
            attempt.report_rows(4)
            wait_for(lambda: progress_of(job) == (4, 10), what="it is recorded")
            cursor.execute("ROLLBACK")
        attempt.succeed(**RESULT)

    job = make_job()
    assert run_once(job, work).state == State.SUCCEEDED


def test_a_heartbeat_keeps_the_lease_however_long_one_query_takes(settings: Any) -> None:
    settings.JOB_LEASE_SECONDS, settings.JOB_HEARTBEAT_SECONDS = FOREVER_SECONDS, 0.5
    job = make_job()
    leases = list[datetime | None]()
    in_the_way = threading.Event()

    def watch() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(1)")
            in_the_way.set()
            lease = ReportJob.objects.filter(pk=job.pk).values_list("lease_until", flat=True)
            for _renewal in range(3):
                wait_for(lambda: lease.get() not in leases, what="the lease is renewed")
                leases.append(lease.get())
            assert ReportJob.objects.claim(job.pk) is None
        finally:
            connection.close()  # and the query that waits for the lock goes on

    def work(attempt: Attempt[ReportJob]) -> None:
        with ThreadPoolExecutor() as threads, connection.cursor() as cursor:
            watched = threads.submit(watch)
            assert in_the_way.wait(GUARD_SECONDS)
            cursor.execute("SELECT pg_advisory_lock(1)")
            cursor.execute("SELECT pg_advisory_unlock(1)")
            watched.result()
        attempt.succeed(**RESULT)

    run_once(job, work)
    assert leases == sorted({lease for lease in leases if lease})
    assert len(leases) == 3
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)


@pytest.mark.parametrize("work", [endless_query, endless_computation])
def test_cancelling_stops_the_work(work: Work) -> None:
    job = make_job()
    with guarded("cancelling ends the work"):
        run_once(job, meanwhile(work, lambda: ReportJob.objects.get(pk=job.pk).cancel()))
    assert (job.state, job.failure) == (State.CANCELLED, "")


@pytest.mark.parametrize("work", [endless_query, endless_computation])
def test_a_worker_that_lost_its_claim_stops_and_writes_nothing(work: Work) -> None:
    job = make_job()

    def take_over() -> None:
        expire_lease(job)
        assert ReportJob.objects.claim(job.pk)

    with guarded("the loss of its claim ends the work"):
        run_once(job, meanwhile(work, take_over))
    assert (job.state, job.attempt) == (State.RUNNING, 2)


@pytest.mark.parametrize("work", [endless_query, endless_computation])
def test_a_worker_that_is_to_stop_hands_its_job_over(work: Work, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(shutdown.forget)
    job = make_job()
    with guarded("the worker's shutdown ends the work"):
        run_once(job, meanwhile(work, shutdown.request))
    assert (job.state, job.attempt) == (State.QUEUED, 0)
    assert job.published_at


def test_a_process_that_gets_sigterm_releases_its_job() -> None:
    job = make_job()
    with pytest.raises(SystemExit):
        run_once(job, raising(SystemExit(1)))
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 0)
