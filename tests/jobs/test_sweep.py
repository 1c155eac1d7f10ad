"""The sweep: abandoned jobs run again, and unpublished ones are republished, but not too often."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.db import OperationalError
from django.db.models.functions import Now

from jobs import tasks
from jobs.models import PeriodicTask
from jobs.querysets import JobQuerySet
from jobs.states import State
from jobs.sweep import SWEEP
from reports.models import ReportJob
from tests.report_jobs import expire_lease, make_job
from tests.waiting import GUARD_SECONDS

pytestmark = pytest.mark.django_db


def requested(job: ReportJob, *, seconds_ago: float, published: float | None) -> ReportJob:
    ReportJob.objects.filter(pk=job.pk).update(
        requested_at=Now() - timedelta(seconds=seconds_ago),
        published_at=None if published is None else Now() - timedelta(seconds=published),
    )
    return job


def test_an_abandoned_job_is_queued_and_published_at_once() -> None:
    job = make_job()
    ReportJob.objects.claim(job.pk)
    assert ReportJob.objects.release_abandoned() == (0, 0)
    expire_lease(job)
    assert ReportJob.objects.release_abandoned() == (1, 0)
    assert ReportJob.objects.take_unpublished() == [job]
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 1)


def test_two_sweeps_publish_a_job_once() -> None:
    job = requested(make_job(), seconds_ago=1, published=None)
    assert ReportJob.objects.take_unpublished() == [job]
    assert ReportJob.objects.take_unpublished() == []


@pytest.mark.parametrize(
    ("minutes_ago", "published", "again"),
    [
        (20, 20, False),  # published at once: it may be waiting in the queue
        (31, 31, True),
        (100, 40, False),  # republished after 60 minutes: the next pause is as long
        (100, 61, True),
        (10_000, 290, False),
        (10_000, 301, True),  # however old the job: the loss of any message is made good
        (1, None, True),
    ],
)
def test_the_pause_between_messages_grows_with_the_age_of_the_job(
    minutes_ago: float, published: float | None, *, again: bool, settings: Any
) -> None:
    settings.JOB_REPUBLISH_SECONDS = 30 * 60
    since = None if published is None else published * 60
    job = requested(make_job(), seconds_ago=minutes_ago * 60, published=since)
    assert ReportJob.objects.take_unpublished() == ([job] if again else [])


def test_running_and_finished_jobs_are_not_published() -> None:
    running, cancelled = make_job(), make_job()
    ReportJob.objects.claim(running.pk)
    cancelled.cancel()
    ReportJob.objects.update(published_at=None)
    assert ReportJob.objects.take_unpublished() == []


@pytest.mark.django_db(transaction=True)
def test_the_sweep_sends_a_message_that_names_the_job_to_the_queue_of_reports() -> None:
    job = requested(make_job(), seconds_ago=60, published=None)
    with current_app.connection_for_read() as broker, broker.SimpleQueue("reports") as queue:
        queue.clear()
        tasks.sweep()
        message = queue.get(timeout=GUARD_SECONDS)
        message.ack()
    assert message.headers["task"] == "reports.tasks.generate_report"
    assert message.payload[0] == [str(job.pk)]


def test_a_sweep_with_nothing_to_do_is_on_record_by_the_databases_clock() -> None:
    assert PeriodicTask.objects.age(SWEEP) is None
    with time_machine.travel("2001-01-01"):  # a machine whose clock is wrong
        tasks.sweep()
    age = PeriodicTask.objects.age(SWEEP)
    assert age is not None
    assert timedelta(0) <= age < timedelta(hours=1)


def test_every_sweep_renews_the_one_record() -> None:
    tasks.sweep()
    PeriodicTask.objects.update(last_ended_at=Now() - timedelta(hours=1))
    tasks.sweep()
    assert PeriodicTask.objects.filter(last_ended_at__gt=Now() - timedelta(minutes=1)).count() == 1
    assert PeriodicTask.objects.count() == 1


def test_a_sweep_that_breaks_off_is_not_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_jobs: object) -> None:
        raise OperationalError

    monkeypatch.setattr(JobQuerySet, "release_abandoned", break_off)
    with pytest.raises(OperationalError):
        tasks.sweep()
    assert PeriodicTask.objects.age(SWEEP) is None
