"""The memory that reports take: all that a real worker and its process hold."""

from collections.abc import Iterator

from kombu.exceptions import OperationalError

from benchmarks.measuring import Measured, Memory
from benchmarks.reports_voice import DAYS_OF_HUNDRED_THOUSAND, DAYS_OF_MILLION, HUNDRED_THOUSAND, MILLION, caller
from benchmarks.reports_world import Customer, forget
from benchmarks.uploads_memory import PATIENCE_SECONDS, Watched, until, working
from billing.cycles import DateRange
from config.celery import app
from jobs.publishing import publish

GROWTH, GROWTH_BY_ROWS, WORKBOOK = 40, 10, 300


def figures() -> Iterator[Measured]:
    """Measure each format with a fresh worker."""
    customer = caller()
    with working("reports", fairly=True) as worker:
        idle = _idle(worker)
        few = _peak(worker, customer, "csv", DAYS_OF_HUNDRED_THOUSAND, HUNDRED_THOUSAND)
        many = _peak(worker, customer, "csv", DAYS_OF_MILLION, MILLION)
    yield Memory(f"the worker of {idle:.0f} MB grows by, CSV of {MILLION:,}", many - idle, GROWTH)
    yield Memory(f"of that, by more than with {HUNDRED_THOUSAND:,}", max(many - few, 0), GROWTH_BY_ROWS)
    for slug, bound in (("xlsx", WORKBOOK), ("parquet", None)):
        with working("reports", fairly=True) as worker:
            _idle(worker)
            peak = _peak(worker, customer, slug, DAYS_OF_MILLION, MILLION)
        yield Memory(f"the worker and its process, {slug.upper()} of {MILLION:,}", peak, bound)


def _idle(worker: Watched) -> float:
    """Return its megabytes when it waits for work."""
    until(_answers, seconds=PATIENCE_SECONDS)
    return worker.megabytes


def _answers() -> bool:
    try:
        return bool(app.control.ping(timeout=1.0))
    except (OperationalError, OSError):  # the first message over a stale connection
        return False


def _peak(worker: Watched, customer: Customer, slug: str, days: DateRange, rows: int) -> float:
    """Return its peak megabytes while it runs a report."""
    job = customer.asked("voice-usage", days, format=slug)
    _before = worker.megabytes
    publish(job)

    def is_over() -> bool:
        job.refresh_from_db()
        return job.is_finished

    until(is_over, seconds=PATIENCE_SECONDS)
    if job.state != "succeeded" or job.file_rows != rows:
        raise RuntimeError(f"{job}: {job.state}, {job.file_rows} rows. {job.failure}")
    forget(job)
    return worker.megabytes
