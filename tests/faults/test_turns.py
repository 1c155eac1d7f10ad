"""One account's reports run one at a time, whatever happens to their workers; another account's do not wait."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

from django.db.models.functions import Now

from jobs.publishing import publish
from jobs.states import State
from reports.models import ReportJob
from tests.factories import make_subscription
from tests.faults.report_types.slow_report import held_half_way
from tests.faults.slow_reports import pool_process, requested, state_of, under_way
from tests.processes import FAST, Processes
from tests.report_jobs import DAY, expire_lease, make_job
from tests.waiting import wait_for

ONE = {**FAST, "REPORT_JOBS_RUNNING_PER_ACCOUNT": 1}


def test_reports_of_one_account_run_one_at_a_time_even_if_a_worker_dies_or_one_is_cancelled(
    processes: Processes,
) -> None:
    workers = [processes.worker("reports", **ONE) for _ in range(2)]
    processes.maintenance(**ONE)
    subscription = make_subscription()
    days = (DAY, DAY - timedelta(1), DAY, DAY)
    killed, cancelled, third, fourth = (
        make_job(subscription=subscription, report_type="slow-report", date_from=day) for day in days
    )
    ours = ReportJob.objects.filter(subscription=subscription)

    def alone(happened: Callable[[], bool]) -> Callable[[], bool]:
        """Return the same condition; each call also checks that no two of the account's reports run."""

        def asked() -> bool:
            assert ours.filter(state=State.RUNNING, lease_until__gte=Now()).count() < 2
            return happened()

        return asked

    with held_half_way(cancelled):
        with held_half_way(killed):
            assert publish(killed)
            wait_for(alone(lambda: under_way(killed)), what="the first runs")
            # Only now, because the two workers may claim either of two messages first.
            assert all(publish(job) for job in (cancelled, third, fourth))
            other = requested()
            wait_for(lambda: under_way(other) and under_way(killed), what="another account's runs beside it")
            for worker in workers:
                os.kill(pool_process(worker), signal.SIGKILL)
            for job in (killed, other):
                expire_lease(job)
        wait_for(alone(lambda: under_way(cancelled)), what="another one's turn, or the first one's again")
        assert cancelled.cancel()
    wait_for(alone(lambda: ours.filter(state=State.SUCCEEDED).count() == 3), what="all had their turn", pause=0.1)
    wait_for(lambda: state_of(other) == State.SUCCEEDED, what="the other account's, too", pause=0.1)
    assert {state_of(job) for job in (killed, third, fourth)} == {State.SUCCEEDED}
    assert (killed.attempt, third.attempt, fourth.attempt) == (2, 1, 1)
    assert state_of(cancelled) == State.CANCELLED


def test_the_next_report_starts_as_soon_as_the_one_before_has_ended(processes: Processes) -> None:
    processes.worker("reports", **ONE)
    processes.worker("reports", **ONE)  # and no sweep at all
    subscription = make_subscription()
    jobs = [make_job(subscription=subscription, report_type="slow-report") for _ in range(3)]
    jobs += [make_job(subscription=subscription) for _ in range(8)]
    assert all(publish(job) for job in jobs)
    made = ReportJob.objects.filter(state=State.SUCCEEDED, attempt=1)
    wait_for(lambda: made.count() == len(jobs), what="each had its turn", pause=0.1)
