"""A slow report: rows come one by one, and half way they wait for a test that intervenes there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection
from psycopg import sql

from reports.engine.report_type import ColumnKind, ReportColumn, ReportType, Scope
from reports.models import ReportJob

ROWS = 60
SECONDS_PER_ROW = 0.002
HALF_WAY = 30


def _source(scope: Scope) -> sql.Composable:
    return sql.SQL("SELECT number, {} AS lock FROM generate_series(1, {}) AS number").format(
        _lock(scope.range.date_from), ROWS
    )


def _lock(day: date) -> int:
    return day.toordinal()


REPORT_TYPE = ReportType(
    slug="slow-report",
    title="Slow Report",
    description="rows that come one by one",
    columns=(
        # Text, because adding up numbers would take just as long.
        ReportColumn(
            "Number",
            ColumnKind.TEXT,
            f"number::text || pg_sleep({SECONDS_PER_ROW})::text"
            f" || CASE number WHEN {HALF_WAY} THEN pg_advisory_xact_lock_shared(lock)::text ELSE '' END",
        ),
        # The database sends what fills a block.
        ReportColumn("Filling", ColumnKind.TEXT, "repeat('x', 10000)"),
    ),
    source=_source,
    order_by=("number",),
)


@contextmanager
def held_half_way(job: ReportJob) -> Iterator[None]:
    """Hold this report, and any other with the same first day, half way while the body runs."""
    lock = [_lock(job.date_from)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", lock)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", lock)
