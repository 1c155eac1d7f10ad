"""Write a report: from a scope to bytes, all from one snapshot of the data, in constant memory."""

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO, cast

from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from billing.cycles import ONE_DAY, DateRange, midnight
from billing.models import Subscription
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ReportType, Scope
from reports.engine.rows import OnProgress, OnTotals, ReportRows
from reports.engine.totals import Totals

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SECONDS_BETWEEN_PROGRESS = 0.25
BYTES_PER_BLOCK = 256 * 1024
# Enough to merge and sort a cycle's sessions in memory; given back at the end of the transaction.
WORK_MEM = "64MB"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written: rows (without the headings), bytes, their SHA-256 in hexadecimal, and the control totals."""

    rows: int
    bytes: int
    sha256: str
    totals: Totals


class TotalsDifferError(Exception):
    """The number of rows written is not the one in the control totals, so the file cannot be trusted."""


def scope_of(subscription: Subscription, days: DateRange, today: date) -> Scope:
    """Return the scope of a report over these days. Raises RangeError, which names the window, for days outside it.

    `today` is the UTC day of the order: sessions still open are cut at the end of the last day with data.
    """
    contract = subscription.contract
    days = days.within(contract.available(today))
    return Scope(
        account_id=subscription.account_id,
        subscription_id=subscription.pk,
        range=days,
        cycles=tuple(contract.cycles_touching(days)),
        open_sessions_end_at=midnight(contract.last_day_with_data(today) + ONE_DAY),
    )


def select(report_type: ReportType, scope: Scope) -> sql.Composed:
    """Return a SELECT of a report's rows in order, typed and exact, so that screens count and show what files hold."""
    return report_type.query(scope).select()


@contextmanager
def snapshot() -> Iterator[BaseDatabaseWrapper]:
    """Yield Django's connection in a REPEATABLE READ, READ ONLY transaction: all reads in it see one moment.

    Cannot be used inside another transaction, which has its snapshot already.
    """
    with transaction.atomic(durable=True):
        with default_connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET LOCAL work_mem = '{WORK_MEM}'")
        yield default_connection


def snapshot_instant(connection: BaseDatabaseWrapper) -> datetime:
    """Return the instant of a `snapshot()`, by the database's clock; everything committed before it is in the snapshot.

    Call it first in the snapshot: the first statement takes the snapshot, and the instant is that statement's start.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast("datetime", cursor.fetchone()[0])


def expected_rows(connection: BaseDatabaseWrapper, report_type: ReportType, scope: Scope) -> int:
    """Return how many rows a report has, without writing it."""
    count = report_type.count(scope) if report_type.count else report_type.query(scope).count()
    with connection.cursor() as cursor:
        cursor.execute(count.as_string(cursor.connection))
        return cast("int", cursor.fetchone()[0])


def write_report(
    connection: BaseDatabaseWrapper,
    *,
    report_type: ReportType,
    scope: Scope,
    format: FileFormat,  # noqa: A002 - the word that people use for it
    target: BinaryIO,
    on_progress: OnProgress,
    on_totals: OnTotals | None = None,
    totals_sheet: bool = False,
) -> WrittenReport:
    """Write a report to a file that is open for writing, inside the caller's `snapshot()`.

    `on_totals` is called with the control totals before the first row. `on_progress` is called with the number of rows
    so far: with the first row, then a few times a second, and at the end; an exception that it raises ends the writing.
    With `totals_sheet` the file also holds the totals, if its format has a place for them. The target is neither synced
    nor closed. Raises TotalsDifferError.
    """
    tally = Tally(target)
    buffer = io.BufferedWriter(tally, BYTES_PER_BLOCK)
    rows = ReportRows(connection, report_type.query(scope), on_totals)
    write = format.write_with_totals if totals_sheet and format.write_with_totals else format.write
    written = write(rows, cast("BinaryIO", buffer), _throttled(on_progress))
    buffer.flush()
    if written != rows.totals.rows:
        raise TotalsDifferError(f"{report_type.title}: {written} rows were written, {rows.totals.rows} were counted")
    on_progress(written)
    return WrittenReport(written, tally.bytes, tally.hash.hexdigest(), rows.totals)


class Tally(io.RawIOBase):
    """Writes to a target, and counts and hashes the bytes on the way."""

    def __init__(self, target: BinaryIO) -> None:
        self.target = target
        self.bytes = 0
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, block: "ReadableBuffer", /) -> int:
        written = self.target.write(block)
        self.hash.update(memoryview(block)[:written])
        self.bytes += written
        return written


def _throttled(on_progress: OnProgress) -> OnProgress:
    """Return a callback cheap enough for every row: it passes on the first call, then at most one in each interval."""
    next_at = 0.0

    def report(rows: int) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now >= next_at:
            next_at = now + SECONDS_BETWEEN_PROGRESS
            on_progress(rows)

    return report
