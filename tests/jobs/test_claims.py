"""Who has a job: one worker at a time, by the database's clock, and at most three after each other."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from jobs.claims import Claim, ClaimLostError, Progress
from jobs.states import State
from reports.models import ReportJob
from tests.report_jobs import expire_lease, make_job

RESULT = {"file": "reports/x.csv", "file_rows": 1, "file_bytes": 1, "file_sha256": "0"}

pytestmark = pytest.mark.django_db


def claimed(job: ReportJob) -> ReportJob:
    taken = ReportJob.objects.claim(job.pk)
    assert taken is not None
    return taken


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_many_workers_that_try_at_once_one_gets_the_job() -> None:
    job = make_job()
    barrier = threading.Barrier(8)
    taken: list[ReportJob | None] = []

    def worker() -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            taken.append(ReportJob.objects.claim(job.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [job for job in taken if job]
    assert len(taken) == 8
    assert [(job.state, job.attempt, job.fence) for job in winners] == [(State.RUNNING, 1, 1)]


def test_a_claim_lasts_for_the_lease_by_the_clock_of_the_database(settings: Any) -> None:
    settings.JOB_LEASE_SECONDS = 2 * 3600
    job = make_job()
    claimed(job)
    soon, late = timedelta(hours=1), timedelta(hours=2)
    assert ReportJob.objects.filter(pk=job.pk, lease_until__gt=Now() + soon, lease_until__lte=Now() + late).exists()
    assert ReportJob.objects.claim(job.pk) is None


def test_when_the_lease_has_run_out_the_next_worker_gets_the_job_and_the_first_can_write_nothing() -> None:
    job = make_job()
    first = Claim.of(claimed(job))
    expire_lease(job)
    second = claimed(job)
    assert (second.attempt, second.fence) == (2, 2)
    assert not first.is_held()
    assert not first.renew(Progress(5, 10))
    assert not first.release_unattempted()
    assert not first.release()
    with pytest.raises(ClaimLostError):
        first.succeed(**RESULT)
    with pytest.raises(ClaimLostError):
        first.fail("It broke.")
    Claim.of(second).succeed(**RESULT)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.file_rows, job.rows_done) == (State.SUCCEEDED, 2, 1, 0)


def test_a_renewed_lease_keeps_the_job_and_shows_how_far_it_is() -> None:
    job = make_job()
    claim = Claim.of(claimed(job))
    expire_lease(job)
    assert claim.renew(Progress(5, 10))
    assert ReportJob.objects.claim(job.pk) is None
    job.refresh_from_db()
    assert (job.rows_done, job.rows_expected) == (5, 10)


def test_a_hand_over_costs_no_attempt_and_gives_the_next_one_another_fence() -> None:
    job = make_job()
    first = claimed(job)
    assert Claim.of(first).release_unattempted()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_until, job.rows_done) == (State.QUEUED, 0, None, 0)
    again = claimed(job)
    assert again.attempt == 1
    assert again.fence > first.fence
    assert not Claim.of(first).is_held()


def test_a_finished_job_is_never_claimed() -> None:
    for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
        job = make_job()
        ReportJob.objects.filter(pk=job.pk).update(state=state, finished_at=Now(), **RESULT)
        assert ReportJob.objects.claim(job.pk) is None


def test_the_fourth_attempt_is_refused_and_the_sweep_fails_the_job_with_a_sentence(settings: Any) -> None:
    job = make_job()
    for attempt in (1, 2, 3):
        assert claimed(job).attempt == attempt
        expire_lease(job)
    assert ReportJob.objects.claim(job.pk) is None
    assert ReportJob.objects.release_abandoned() == (0, 1)
    job.refresh_from_db()
    assert (job.state, job.lease_until) == (State.FAILED, None)
    assert "3 times" in job.failure
    assert job.finished_at


def test_a_cancelled_queued_job_is_gone() -> None:
    job = make_job()
    assert job.cancel()
    assert (job.state, job.is_finished) == (State.CANCELLED, True)
    assert ReportJob.objects.claim(job.pk) is None


def test_a_cancelled_running_job_is_lost_to_its_worker() -> None:
    job = make_job()
    claim = Claim.of(claimed(job))
    assert job.cancel()
    assert not claim.renew(Progress(1, 1))
    with pytest.raises(ClaimLostError):
        claim.succeed(**RESULT)
    job.refresh_from_db()
    assert (job.state, job.lease_until) == (State.CANCELLED, None)


@pytest.mark.parametrize("end", [State.SUCCEEDED, State.FAILED, State.CANCELLED])
def test_a_finished_job_cannot_be_cancelled(end: State) -> None:
    job = make_job()
    ReportJob.objects.filter(pk=job.pk).update(state=end, finished_at=Now(), **RESULT)
    assert not job.cancel()
    assert job.state == end
