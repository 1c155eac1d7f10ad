"""Cancelling a running report: whatever it is doing, the work stops and leaves no file."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from psycopg import sql

from jobs.states import State
from reports import tasks, types
from reports.engine.report_type import ColumnKind, ReportColumn, ReportType
from reports.formats import parquet
from reports.models import ReportJob
from tests.database_activity import is_executing
from tests.jobs.writing import hold_up
from tests.report_jobs import make_job
from tests.waiting import FOREVER_SECONDS, guarded, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

LONG = f"pg_sleep({FOREVER_SECONDS})"


def numbers(source: str, *, is_costly: bool = False) -> ReportType:
    """Return a report type with one column, `number`, over any rows."""
    return ReportType(
        slug="numbers",
        title="Numbers",
        description="",
        columns=(ReportColumn("Number", ColumnKind.INTEGER, "number"),),
        source=lambda _scope: sql.SQL(source),
        order_by=("number",),
        is_costly=is_costly,
    )


def has_long_query() -> bool:
    """Return whether the database is executing the endless statement."""
    return is_executing(LONG)


def cancelled_while(job: ReportJob, is_at_it: Callable[[], bool]) -> None:
    """Run the report, and cancel it during work that would otherwise never end."""

    def cancel() -> None:
        try:
            wait_for(is_at_it, what="the work is at it")
            ReportJob.objects.get(pk=job.pk).cancel()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        cancelling = threads.submit(cancel)
        with guarded("cancelling ends the work"):
            tasks.generate_report(str(job.pk))
        cancelling.result()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files during the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def assert_cancelled(job: ReportJob, is_at_it: Callable[[], bool], *folders: Path) -> None:
    cancelled_while(job, is_at_it)
    job.refresh_from_db()
    assert (job.state, job.file.name) == (State.CANCELLED, "")
    wait_for(lambda: not has_long_query(), what="the query is over")
    assert [
        path for folder in folders for path in folder.rglob("*") if path.is_file() or "tallydesk-" in path.name
    ] == []


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize(
    "report_type",
    [
        numbers(f"SELECT 1 AS number, {LONG}"),
        numbers(f"SELECT 1 AS number, {LONG}", is_costly=True),
    ],
    ids=["totals apart", "rows made once"],
)
def test_a_query_that_has_not_given_a_row_yet_is_stopped_in_the_database(
    report_type: ReportType, file_format: str, files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(types, "by_slug", lambda _slug: report_type)
    assert_cancelled(make_job(format=file_format), has_long_query, files_root, temporary)


def test_rows_that_are_written_block_by_block_are_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BYTES_PER_BLOCK", 1000)
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 50000) AS number"))
    held = hold_up(monkeypatch, "parquet", rows=5000)
    assert_cancelled(make_job(format="parquet"), held.is_held.is_set, files_root, temporary)


def test_a_workbook_that_is_being_packed_is_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 50) AS number"))
    held = hold_up(monkeypatch, "xlsx", rows=50, times=2)  # the first is for the last row, the second for packing
    assert_cancelled(make_job(format="xlsx"), held.is_held.is_set, files_root, temporary)


def test_a_workbook_whose_rows_are_being_written_is_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 500) AS number"))
    held = hold_up(monkeypatch, "xlsx", rows=250)
    assert_cancelled(
        make_job(format="xlsx"),
        lambda: held.is_held.is_set() and any(temporary.glob("tallydesk-*")),
        files_root,
        temporary,
    )
