"""A worker that dies costs time, never a report; one that is stopped costs not even an attempt."""

import os
import signal
from pathlib import Path
from subprocess import Popen
from typing import Any

from jobs.publishing import publish
from jobs.states import State
from reports.models import ReportJob
from tests.faults.processes import Processes, children, wait_for
from tests.faults.report_types.slow_report import ROWS, held_half_way
from tests.jobs.jobs import make_job
from tests.stopwatch import Stopwatch

# As at default settings, five times as fast.
FAST: dict[str, Any] = {
    "JOB_LEASE_SECONDS": 6,
    "JOB_HEARTBEAT_SECONDS": 1,
    "JOB_SWEEP_SECONDS": 2,
    "JOB_REPUBLISH_SECONDS": 6,
}


def requested() -> ReportJob:
    job = make_job(report_type="slow-report")
    assert publish(job)
    return job


def state_of(job: ReportJob) -> str:
    job.refresh_from_db()
    return job.state


def under_way(job: ReportJob) -> bool:
    """Whether rows are there, not all of them."""
    return state_of(job) == State.RUNNING and 0 < job.rows_done < ROWS


def files_of(job: ReportJob, folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "reports").glob("*") if str(job.pk) in path.name)


def assert_delivered(job: ReportJob, folder: Path, *, attempt: int) -> None:
    assert state_of(job) == State.SUCCEEDED
    assert job.attempt == attempt
    assert files_of(job, folder) == [Path(job.file.name or "").name]
    assert job.file_rows == job.rows_expected == ROWS
    assert (folder / str(job.file)).stat().st_size == job.file_bytes


def pool_process(worker: "Popen[bytes]") -> int:
    (child,) = children(worker.pid)
    return child


def test_a_report_whose_process_is_killed_is_delivered_within_90_seconds_at_default_settings(
    processes: Processes, settings: Any
) -> None:
    worker = processes.worker("reports")
    processes.maintenance()
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        assert files_of(job, settings.FILES_ROOT) == [f"{job.pk}.1.csv.part"]
        os.kill(pool_process(worker), signal.SIGKILL)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, seconds=90, what="delivered", pause=0.2)
    assert_delivered(job, settings.FILES_ROOT, attempt=2)


def test_a_report_whose_whole_worker_is_killed_is_delivered_by_another(processes: Processes, settings: Any) -> None:
    worker = processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    processes.worker("reports", **FAST)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, seconds=60, what="delivered", pause=0.1)
    assert_delivered(job, settings.FILES_ROOT, attempt=2)


def test_a_worker_that_is_stopped_hands_its_report_over_at_once_and_at_no_cost(
    processes: Processes, settings: Any
) -> None:
    first = processes.worker("reports")
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        processes.worker("reports")  # and no sweep at all
        watch = Stopwatch()
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=60) == 0
        assert watch.seconds < 20
    wait_for(lambda: state_of(job) == State.SUCCEEDED, seconds=60, what="delivered", pause=0.1)
    assert_delivered(job, settings.FILES_ROOT, attempt=1)
    assert job.fence == 3  # claimed, handed over, claimed again: the first worker did not finish it


def test_a_supervisor_that_stops_every_process_of_a_worker_costs_no_attempt_either(
    processes: Processes, settings: Any
) -> None:
    first = processes.worker("reports")
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        watch = Stopwatch()
        os.killpg(first.pid, signal.SIGTERM)
        assert first.wait(timeout=60) is not None
        assert watch.seconds < 20
    assert state_of(job) == State.QUEUED
    assert (job.attempt, files_of(job, settings.FILES_ROOT)) == (0, [])
    processes.worker("reports")
    wait_for(lambda: state_of(job) == State.SUCCEEDED, seconds=60, what="delivered", pause=0.1)
    assert_delivered(job, settings.FILES_ROOT, attempt=1)


def test_a_frozen_worker_that_comes_back_after_its_lease_discards_its_own_file(
    processes: Processes, settings: Any
) -> None:
    first = processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    job = requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        os.killpg(first.pid, signal.SIGSTOP)
        processes.worker("reports", **FAST)
        wait_for(lambda: state_of(job) == State.RUNNING and job.attempt == 2, seconds=60, what="a second attempt")
    os.killpg(first.pid, signal.SIGCONT)
    wait_for(lambda: state_of(job) == State.SUCCEEDED, seconds=60, what="delivered", pause=0.1)
    wait_for(lambda: len(files_of(job, settings.FILES_ROOT)) == 1, seconds=5, what="the first one's file is gone")
    assert_delivered(job, settings.FILES_ROOT, attempt=2)


def test_cancelling_a_running_report_frees_its_worker_and_leaves_no_file(processes: Processes, settings: Any) -> None:
    processes.worker("reports")
    job, other = requested(), requested()
    with held_half_way(job):
        wait_for(lambda: under_way(job), seconds=60, what="rows")
        assert job.cancel()
        wait_for(lambda: state_of(other) == State.RUNNING, seconds=5, what="the worker takes the next one")
        assert files_of(job, settings.FILES_ROOT) == []
    assert state_of(job) == State.CANCELLED
