"""A worker that dies costs time but no report; one that is stopped does not even cost an attempt."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current_settings

from config import settings as product
from jobs.states import State
from reports.models import ReportJob
from tests.faults.report_types.slow_report import ROWS, held_half_way
from tests.faults.slow_reports import pool_process, requested, state_of, under_way
from tests.processes import FAST, Processes
from tests.report_jobs import expire_lease
from tests.waiting import wait_for


def files_of(job: ReportJob, folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "reports").glob("*") if str(job.pk) in path.name)


def assert_delivered(job: ReportJob, folder: Path, *, attempt: int) -> None:
    assert state_of(job) == State.SUCCEEDED
    assert job.attempt == attempt
    assert files_of(job, folder) == [Path(job.file.name or "").name]
    assert job.file_rows == job.rows_expected == ROWS
    assert (folder / str(job.file)).stat().st_size == job.file_bytes


def deliver_after_a_kill(processes: Processes, folder: Path, **variables: Any) -> ReportJob:
    """Kill a report's process half way, and return the report once it is there: the lease has expired by itself."""
    worker = processes.worker("reports", **variables)
    processes.maintenance(**variables)
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        assert files_of(job, folder) == [f"{job.pk}.1.csv.part"]
        os.kill(pool_process(worker), signal.SIGKILL)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, what="delivered", guard=300, pause=0.1)
    return job


def test_a_report_whose_process_is_killed_is_delivered_once_its_lease_has_expired(
    processes: Processes, files_root: Path
) -> None:
    job = deliver_after_a_kill(processes, files_root, **{**FAST, "JOB_LEASE_SECONDS": 4})
    # A machine that stalled for a whole lease would cost another attempt.
    assert_delivered(job, files_root, attempt=max(2, job.attempt))


@pytest.mark.soak
def test_a_report_whose_process_is_killed_is_delivered_at_default_settings(
    processes: Processes, files_root: Path
) -> None:
    assert_delivered(deliver_after_a_kill(processes, files_root), files_root, attempt=2)


def test_default_settings_deliver_a_report_within_90_seconds_of_its_worker_s_death() -> None:
    """Add up the longest times: the lease was just renewed, and the sweeps that release and publish have just run."""
    longest = product.JOB_LEASE_SECONDS + 2 * product.JOB_SWEEP_SECONDS + product.JOB_REPUBLISH_SECONDS
    assert longest <= 90
    assert product.JOB_HEARTBEAT_SECONDS * 3 <= product.JOB_LEASE_SECONDS
    assert product.JOB_LEASE_SECONDS == current_settings.JOB_LEASE_SECONDS


def test_a_report_whose_whole_worker_is_killed_is_delivered_by_another(processes: Processes, files_root: Path) -> None:
    worker = processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        worker.kill_all()
        expire_lease(job)
    processes.worker("reports", **FAST)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, what="delivered", pause=0.1)
    assert_delivered(job, files_root, attempt=2)


def test_a_worker_that_is_stopped_releases_its_report_at_once_without_costing_an_attempt(
    processes: Processes, files_root: Path
) -> None:
    first = processes.worker("reports")
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        processes.worker("reports")  # and no sweep at all
        first.send_signal(signal.SIGTERM)
        assert first.wait() == 0  # even though the report is held
    wait_for(lambda: state_of(job) == State.SUCCEEDED, what="delivered", pause=0.1)
    assert_delivered(job, files_root, attempt=1)
    assert job.fence == 3  # claimed, released, claimed again: the first worker did not finish it


def test_stopping_every_process_of_a_worker_costs_no_attempt_either(processes: Processes, files_root: Path) -> None:
    first = processes.worker("reports")
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        os.killpg(first.pid, signal.SIGTERM)
        first.wait()  # even though the report is held
    assert state_of(job) == State.QUEUED
    assert (job.attempt, files_of(job, files_root)) == (0, [])
    processes.worker("reports")
    wait_for(lambda: state_of(job) == State.SUCCEEDED, what="delivered", pause=0.1)
    assert_delivered(job, files_root, attempt=1)


def test_a_frozen_worker_that_comes_back_after_its_lease_discards_its_own_file(
    processes: Processes, files_root: Path
) -> None:
    first = processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        os.killpg(first.pid, signal.SIGSTOP)
        expire_lease(job)
        processes.worker("reports", **FAST)
        wait_for(lambda: state_of(job) == State.RUNNING and job.attempt == 2, what="a second attempt")
    os.killpg(first.pid, signal.SIGCONT)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, what="delivered", pause=0.1)
    wait_for(lambda: len(files_of(job, files_root)) == 1, what="the first one's file is gone")
    assert_delivered(job, files_root, attempt=2)


def test_cancelling_a_running_report_frees_its_worker_and_leaves_no_file(
    processes: Processes, files_root: Path
) -> None:
    processes.worker("reports")
    job, other = requested(), requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), what="rows")
        assert job.cancel()
        # The other one is held as well: it is the same report of the same day. Its worker must be free to start it.
        wait_for(lambda: state_of(other) == State.RUNNING, what="the worker takes the next one")
        assert files_of(job, files_root) == []
    assert state_of(job) == State.CANCELLED
