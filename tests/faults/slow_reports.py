"""Jobs of the slow report, and the processes that run them."""

from jobs.publishing import publish
from jobs.states import State
from reports.models import ReportJob
from tests.faults.report_types.slow_report import ROWS
from tests.processes import ForkedProcess, children
from tests.report_jobs import make_job


def requested() -> ReportJob:
    """Return a published job of the slow report."""
    job = make_job(report_type="slow-report")
    assert publish(job)
    return job


def state_of(job: ReportJob) -> str:
    """Return the stored state of the job."""
    job.refresh_from_db()
    return job.state


def under_way(job: ReportJob) -> bool:
    """Return whether the job has written some of its rows, and not all of them."""
    return state_of(job) == State.RUNNING and 0 < job.rows_done < ROWS


def pool_process(worker: ForkedProcess) -> int:
    """Return the ID of the only process in the pool of a worker."""
    (child,) = children(worker.pid)
    return child
