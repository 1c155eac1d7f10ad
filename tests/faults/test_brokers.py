"""A broker that dies with all its messages costs time but no report, and no report is generated twice."""

import signal
import threading
from typing import Any

import pytest
from django.db import connection

from jobs.broker import circuit
from jobs.publishing import publish
from jobs.states import State
from reports.models import ReportJob
from tests.faults.report_types.slow_report import held_half_way
from tests.faults.slow_reports import under_way
from tests.processes import FAST, Broker, Processes
from tests.report_jobs import make_job
from tests.waiting import GUARD_SECONDS, wait_for

NOT_SENT = "message_not_sent"

pytestmark = pytest.mark.usefixtures("impatient")


def publish_in_time(job: ReportJob) -> None:
    """Publish to a healthy broker, which may answer late on a busy machine."""

    def published() -> bool:
        circuit.forget()
        return publish(job)

    wait_for(published, what="the broker takes the message")


def test_a_broker_that_freezes_or_dies_with_all_its_messages_loses_no_report(
    processes: Processes, settings: Any
) -> None:
    broker = processes.broker
    published = [make_job(), make_job()]
    for job in published:
        publish_in_time(job)
    broker.kill()
    unpublished = make_job()
    assert not publish(unpublished)
    processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    broker.start()
    jobs = ReportJob.objects.filter(state=State.SUCCEEDED)
    wait_for(lambda: jobs.count() == 3, what="all delivered", pause=0.2)
    assert {job.attempt for job in jobs} == {1}

    slow = make_job(report_type="slow-report")
    publish_in_time(slow)
    with held_half_way(slow):
        wait_for(lambda: under_way(slow), what="rows")
        unsent = processes.logs().count(NOT_SENT)
        broker.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: jobs.filter(pk=slow.pk).exists(), what="made without the broker")
    meanwhile = make_job()
    assert not publish(meanwhile)  # even though the broker does not answer
    wait_for(lambda: processes.logs().count(NOT_SENT) > unsent, what="what the worker tells the broker goes unanswered")
    broker.process.send_signal(signal.SIGCONT)
    wait_for(lambda: jobs.filter(pk=meanwhile.pk).exists(), what="delivered after the freeze", pause=0.2)
    assert "Couldn't ack" not in processes.logs()  # a worker that logs this takes no further message

    broker.kill()
    late = make_job()
    assert not publish(late)
    broker.start()
    wait_for(lambda: jobs.filter(pk=late.pk).exists(), what="delivered after the restart", pause=0.2)
    stored = {path.name for path in (settings.FILES_ROOT / "reports").iterdir()}
    assert stored == {f"{job.pk}.1.csv" for job in (*published, unpublished, slow, meanwhile, late)}


@pytest.mark.django_db(transaction=True)
def test_each_of_many_concurrent_messages_to_a_frozen_broker_ends(broker: Broker) -> None:
    job = make_job()
    publish_in_time(job)
    broker.process.send_signal(signal.SIGSTOP)
    at_once = threading.Barrier(40)
    sent: list[bool] = []

    def send() -> None:
        try:
            connection.ensure_connection()
            at_once.wait(GUARD_SECONDS)
            sent.append(publish(job))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD_SECONDS)
    assert sent == [False] * 40
