"""Cancelling a report while it is made: whatever it is at, the work stops within two seconds and leaves no file."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from jobs.states import State
from reports import tasks, types
from reports.formats import parquet, xlsx
from reports.models import ReportJob
from reports.report_type import Column, Kind, ReportType
from tests.jobs.jobs import make_job
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.django_db(transaction=True)

MOST_SECONDS = 2
LONG = "pg_sleep(30)"


def numbers(source: str, *, is_costly: bool = False) -> ReportType:
    """A report type of one column, `number`, of any rows."""
    return ReportType(
        slug="numbers",
        title="Numbers",
        description="",
        columns=(Column("Number", Kind.INTEGER, "number"),),
        source=lambda _scope: sql.SQL(source),
        order_by=("number",),
        is_costly=is_costly,
    )


def has_long_query() -> bool:
    """Whether the database is at work on what takes long."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE %s""",
            [f"%{LONG}%"],
        )
        return bool(cursor.fetchone()[0])


def cancelled_while(job: ReportJob, is_at_it: Callable[[], bool]) -> float:
    """Make the report, and cancel it once it is at it; how many seconds the work went on."""
    since_cancelling: list[Stopwatch] = []

    def cancel() -> None:
        watch = Stopwatch()
        while not is_at_it() and watch.seconds < 20:
            time.sleep(0.01)
        since_cancelling.append(Stopwatch())
        ReportJob.objects.get(pk=job.pk).cancel()
        connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    tasks.generate_report(str(job.pk))
    seconds = since_cancelling[0].seconds
    thread.join()
    return seconds


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go during the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def assert_cancelled_at_once(job: ReportJob, is_at_it: Callable[[], bool], *folders: Path) -> None:
    seconds = cancelled_while(job, is_at_it)
    job.refresh_from_db()
    assert (job.state, job.file.name) == (State.CANCELLED, "")
    assert seconds < MOST_SECONDS
    assert not has_long_query()
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
    assert_cancelled_at_once(make_job(format=file_format), has_long_query, files_root, temporary)


class Slow:
    """A function that takes its time, and tells that it was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.is_called = threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        """As the function does, later."""
        self.is_called.set()
        time.sleep(0.1)
        return self.function(*arguments)


def test_rows_that_are_written_block_by_block_are_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Slow(parquet._table)
    monkeypatch.setattr(parquet, "_table", table)
    monkeypatch.setattr(parquet, "BYTES_PER_BLOCK", 1000)
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 50000) AS number"))
    assert_cancelled_at_once(make_job(format="parquet"), table.is_called.is_set, files_root, temporary)


def test_a_workbook_that_is_being_packed_is_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = Slow(lambda: None)
    written = xlsx._Watched.write

    def write(self: Any, block: bytes) -> int:
        say()
        return written(self, block)

    monkeypatch.setattr(xlsx._Watched, "write", write)
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 50) AS number"))
    assert_cancelled_at_once(make_job(format="xlsx"), say.is_called.is_set, files_root, temporary)


def test_a_workbook_whose_rows_are_being_written_is_no_longer(
    files_root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Slow(xlsx._Sheets.write)

    def write(self: Any, cells: Any) -> None:
        row(self, cells)

    monkeypatch.setattr(xlsx._Sheets, "write", write)
    monkeypatch.setattr(types, "by_slug", lambda _slug: numbers("SELECT generate_series(1, 500) AS number"))
    assert_cancelled_at_once(
        make_job(format="xlsx"),
        lambda: row.is_called.is_set() and any(temporary.glob("tallydesk-*")),
        files_root,
        temporary,
    )
