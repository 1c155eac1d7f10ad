"""The limit on concurrent reports of one account: the others wait, and each is published when it may run."""

import threading
from queue import Empty
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.db.models.functions import Now

from jobs import tasks
from jobs.claims import Claim
from jobs.running import Attempt, JobFailedError, run
from jobs.states import State
from reports.models import ReportJob
from tests.factories import make_subscription
from tests.report_jobs import expire_lease, make_job
from tests.waiting import GUARD_SECONDS

RESULT = {"file": "reports/x.csv", "file_rows": 1, "file_bytes": 1, "file_sha256": "0"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    """Let two reports of an account run at a time."""
    settings.REPORT_JOBS_RUNNING_PER_ACCOUNT = 2


def make_jobs(number: int) -> list[ReportJob]:
    """Return published jobs of one account, oldest first."""
    subscription = make_subscription()
    first = make_job(subscription=subscription)
    rest = [make_job(subscription=subscription, requested_by=first.requested_by) for _ in range(number - 1)]
    return [first, *rest]


def claimed(job: ReportJob) -> ReportJob:
    taken = ReportJob.objects.claim(job.pk)
    assert taken is not None
    return taken


def is_published(job: ReportJob) -> bool:
    job.refresh_from_db()
    return job.published_at is not None


def test_the_third_report_of_an_account_waits_and_anothers_does_not() -> None:
    first, second, third = make_jobs(3)
    (other,) = make_jobs(1)
    claimed(first)
    claimed(second)
    assert ReportJob.objects.claim(third.pk) is None
    claimed(other)
    third.refresh_from_db()
    assert (third.state, third.attempt, third.fence, third.published_at) == (State.QUEUED, 0, 0, None)


def test_without_a_limit_every_report_is_taken(settings: Any) -> None:
    settings.REPORT_JOBS_RUNNING_PER_ACCOUNT = 0
    jobs = make_jobs(3)
    assert [claimed(job).state for job in jobs] == [State.RUNNING] * 3
    assert ReportJob.objects.next_in_queue(jobs[0].pk) == []


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel", "lose", "release"])
def test_whatever_ends_a_running_report_frees_its_place(end: str) -> None:
    first, second, third = make_jobs(3)
    claim = Claim.of(claimed(first))
    claimed(second)
    assert ReportJob.objects.claim(third.pk) is None
    if end == "succeed":
        claim.succeed(**RESULT)
    elif end == "fail":
        claim.fail("It broke.")
    elif end == "cancel":
        first.cancel()
    elif end == "lose":
        expire_lease(first)
    else:
        claim.release_unattempted()
    assert ReportJob.objects.next_in_queue(first.pk) == [third]
    assert is_published(third)
    claimed(third)


def test_a_report_whose_worker_died_is_taken_again_although_the_account_has_others_running() -> None:
    first, second = make_jobs(2)
    claimed(first)
    claimed(second)
    expire_lease(first)
    assert claimed(first).attempt == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_many_workers_that_try_at_once_as_many_as_may_get_a_report() -> None:
    jobs = make_jobs(8)
    barrier = threading.Barrier(len(jobs))
    taken: list[ReportJob | None] = []

    def worker(job: ReportJob) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            taken.append(ReportJob.objects.claim(job.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 8
    assert len([job for job in taken if job]) == ReportJob.objects.filter(state=State.RUNNING).count() == 2
    assert ReportJob.objects.filter(state=State.QUEUED, published_at=None).count() == 6


def test_the_sweep_publishes_as_many_as_may_run_oldest_first() -> None:
    jobs, (other,) = make_jobs(5), make_jobs(1)
    claimed(jobs[4])
    ReportJob.objects.update(published_at=None)
    assert ReportJob.objects.take_unpublished() == [jobs[0], other]
    assert [is_published(job) for job in jobs[:4]] == [True, False, False, False]


def test_a_job_cancelled_while_queued_lets_the_next_one_be_published() -> None:
    first, second, third = make_jobs(3)
    ReportJob.objects.filter(pk=third.pk).update(published_at=None)
    claimed(first)
    second.cancel()
    assert ReportJob.objects.claim(second.pk) is None
    assert ReportJob.objects.next_in_queue(second.pk) == [third]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["succeeds", "fails", "is cancelled", "is released", "breaks"])
def test_the_worker_publishes_the_next_job_however_its_own_ended(end: str) -> None:
    first, second, third, fourth = make_jobs(4)
    claimed(second)

    def work(attempt: Attempt[ReportJob]) -> None:
        assert ReportJob.objects.claim(third.pk) is None
        assert ReportJob.objects.claim(fourth.pk) is None
        if end == "succeeds":
            attempt.succeed(**RESULT)
        elif end == "fails":
            raise JobFailedError("It broke.")
        elif end == "is cancelled":
            ReportJob.objects.get(pk=first.pk).cancel()
            attempt.succeed(**RESULT)
        elif end == "is released":
            raise OSError("no space left")
        else:
            raise ZeroDivisionError

    with current_app.connection_for_read() as broker, broker.SimpleQueue("reports") as queue:
        queue.clear()
        run(ReportJob, first.pk, work)
        assert [queue.get(timeout=GUARD_SECONDS).payload[0] for _ in range(queue.qsize())] == [[str(third.pk)]]
        queue.clear()
    assert (is_published(third), is_published(fourth)) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_after_the_broker_was_away_the_sweep_begins_and_each_end_goes_on() -> None:
    jobs = make_jobs(5)
    ReportJob.objects.update(published_at=None)
    with current_app.connection_for_read() as broker, broker.SimpleQueue("reports") as queue:
        queue.clear()
        tasks.sweep()
        done = []
        for _job in jobs:
            message = queue.get(timeout=GUARD_SECONDS)
            message.ack()
            done.append(message.payload[0][0])
            run(ReportJob, done[-1], lambda attempt: attempt.succeed(**RESULT))
        with pytest.raises(Empty):
            queue.get_nowait()
    assert done == [str(job.pk) for job in jobs]
    assert ReportJob.objects.filter(state=State.SUCCEEDED, attempt=1, finished_at__lte=Now()).count() == 5
