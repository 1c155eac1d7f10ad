"""Metrics of jobs, read from the database, so that they cover all machines and survive restarts."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, LiteralString

from django.db import connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from psycopg import sql

from jobs.models import Job, PeriodicTask
from jobs.states import UNFINISHED, State
from jobs.sweep import SWEEP
from reports.models import Comparison, ReportJob
from reports.models.report_jobs import report_type_choices
from usage.models import Step, UploadStep

BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

# Both read the index of unfinished jobs, a handful of rows. For a plain `min` over queued jobs, the planner might scan
# from the oldest job on, past every finished one.
UNFINISHED_JOBS: LiteralString = (
    "SELECT {type}, state, count(*) FROM {table} WHERE state IN ('queued', 'running') GROUP BY 1, 2"
)
QUEUE_AGE: LiteralString = (
    "SELECT coalesce(extract(epoch FROM statement_timestamp() -"
    " min(requested_at) FILTER (WHERE state = 'queued')), 0)::float8"
    " FROM {table} WHERE state IN ('queued', 'running')"
)
FINISHED_JOBS: LiteralString = (
    "SELECT {type}, state, width_bucket(seconds, %s), count(*), sum(rows), sum(seconds) FROM ("
    "SELECT {type}, state, {rows} AS rows, extract(epoch FROM finished_at - started_at)::float8 AS seconds"
    " FROM {table} WHERE state IN ('succeeded', 'failed', 'cancelled')) finished GROUP BY 1, 2, 3"
)


@dataclass(frozen=True)
class Kind:
    """A kind of job, with its name in metrics. `type_column` holds its type, `rows_column` its size."""

    name: str
    model: type[Job]
    type_column: str
    rows_column: str
    types: Callable[[], list[tuple[str, str]]]


KINDS = [
    Kind("report", ReportJob, "report_type", "file_rows", report_type_choices),
    Kind("comparison", Comparison, "report_type", "file_rows", report_type_choices),
    Kind("upload", UploadStep, "step", "rows_done", lambda: Step.choices),
]


@dataclass
class Made:
    """Totals of the succeeded jobs of a type: rows, seconds, and a histogram of durations."""

    rows: int = 0
    seconds: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def buckets(self) -> list[tuple[str, float]]:
        """Return for each upper bound how many jobs took no longer."""
        return list(zip([*map(str, BUCKETS), "+Inf"], accumulate(self.counts), strict=True))


def read_unfinished() -> list[Metric]:
    """Return metrics of unfinished jobs and of the sweep. Reads a few index entries, however many jobs are finished."""
    jobs = GaugeMetricFamily("tallydesk_jobs", "Jobs not finished.", labels=["kind", "type", "state"])
    ages = GaugeMetricFamily(
        "tallydesk_queue_age_seconds", "For how long the oldest queued job has been waiting.", labels=["kind"]
    )
    for kind in KINDS:
        counts = _zeros(kind, UNFINISHED)
        for job_type, state, count in _rows(UNFINISHED_JOBS, kind):
            counts[job_type, state] = count
        for (job_type, state), count in counts.items():
            jobs.add_metric([kind.name, job_type, state], count)
        [(age,)] = _rows(QUEUE_AGE, kind)
        ages.add_metric([kind.name], age)
    return [jobs, ages, *_sweep_age()]


def read_finished() -> list[Metric]:
    """Return metrics of finished jobs. Reads every row, at about a millisecond for each thousand."""
    jobs = CounterMetricFamily("tallydesk_jobs_finished", "Jobs finished.", labels=["kind", "type", "state"])
    figures: list[Metric] = [jobs]
    for kind in KINDS:
        counts = _zeros(kind, set(State) - UNFINISHED)
        made: defaultdict[str, Made] = defaultdict(Made, {job_type: Made() for job_type, _title in kind.types()})
        for job_type, state, bucket, count, rows, seconds in _rows(FINISHED_JOBS, kind, list(BUCKETS)):
            counts[job_type, state] += count
            if state == State.SUCCEEDED:
                made[job_type].rows += int(rows or 0)
                made[job_type].seconds += seconds
                made[job_type].counts[bucket] += count
        for (job_type, state), count in counts.items():
            jobs.add_metric([kind.name, job_type, state], count)
        figures += _made(kind, made)
    return figures


def _made(kind: Kind, made: dict[str, Made]) -> Iterator[Metric]:
    rows = CounterMetricFamily(f"tallydesk_{kind.name}_rows", f"Rows of succeeded {kind.name}s.", labels=["type"])
    seconds = HistogramMetricFamily(
        f"tallydesk_{kind.name}_seconds", f"Seconds for which succeeded {kind.name}s ran.", labels=["type"]
    )
    for job_type, sums in made.items():
        rows.add_metric([job_type], sums.rows)
        seconds.add_metric([job_type], sums.buckets(), sums.seconds)
    yield rows
    yield seconds


def _sweep_age() -> Iterator[Metric]:
    age = PeriodicTask.objects.age(SWEEP)
    if age is not None:
        yield GaugeMetricFamily("tallydesk_sweep_age_seconds", "How long ago the sweep ended.", age.total_seconds())


def _zeros(kind: Kind, states: "set[State] | frozenset[State]") -> "defaultdict[tuple[str, str], int]":
    """Return zero for every possible label set, so that no series appears only with its first job."""
    return defaultdict(
        int, {(job_type, str(state)): 0 for job_type, _title in kind.types() for state in sorted(states)}
    )


def composed(statement: LiteralString, kind: Kind) -> str:
    """Return one of the statements above for the jobs of a kind."""
    return (
        sql.SQL(statement)
        .format(
            table=sql.Identifier(kind.model._meta.db_table),
            type=sql.Identifier(kind.type_column),
            rows=sql.Identifier(kind.rows_column),
        )
        .as_string()
    )


def _rows(statement: LiteralString, kind: Kind, *values: list[float]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(composed(statement, kind), values)
        return list(cursor)
