"""Making a report's file: from a question to bytes, all from one snapshot of the data, in constant memory."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator
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
from reports.engine.file_format import FileFormat, Progress
from reports.engine.report_type import ReportType, Scope
from reports.engine.rows import Rows, unheard
from reports.engine.totals import Totals

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SECONDS_BETWEEN_PROGRESS = 0.25
BYTES_PER_BLOCK = 256 * 1024
# Merging and sorting a cycle's sessions in memory; given back at the end of the transaction.
WORK_MEM = "64MB"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a report: rows (without the heading), bytes, the bytes' SHA-256 in hexadecimal, control totals."""

    rows: int
    bytes: int
    sha256: str
    totals: Totals


class TotalsDifferError(Exception):
    """The rows that were written are not those that the control totals are of: the file is not to be trusted."""


def scope_of(subscription: Subscription, days: DateRange, today: date) -> Scope:
    """What a report over these days is about; a RangeError, which names the window, for days outside it.

    `today` is the UTC day on which it is asked: sessions still open are cut at the end of the last day with data.
    """
    contract = subscription.contract
    days = days.within(contract.available(today))
    return Scope(
        account_id=subscription.account_id,
        subscription_id=subscription.pk,
        range=days,
        cycles=tuple(contract.cycles_touching(days)),
        open_until=midnight(contract.last_day_with_data(today) + ONE_DAY),
    )


def select(report_type: ReportType, scope: Scope) -> sql.Composed:
    """The rows of a report in their order, typed and exact: what a screen counts and shows is what the file holds."""
    return report_type.query(scope).select()


@contextmanager
def snapshot() -> Iterator[BaseDatabaseWrapper]:
    """Django's connection inside a REPEATABLE READ, READ ONLY transaction: whatever is read in it is of one moment.

    Not inside another transaction: that one has its snapshot already.
    """
    with transaction.atomic(durable=True):
        with default_connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET LOCAL work_mem = '{WORK_MEM}'")
        yield default_connection


def snapshot_instant(connection: BaseDatabaseWrapper) -> datetime:
    """The instant of a `snapshot()`, by the database's clock: whatever was committed before it is part of it.

    Asked first of all in the snapshot, since the first statement takes it, and this instant is that statement's start.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast("datetime", cursor.fetchone()[0])


def expected_rows(connection: BaseDatabaseWrapper, report_type: ReportType, scope: Scope) -> int:
    """How many rows a report has, without writing it."""
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
    progress: Progress,
    heard: Callable[[Totals], None] = unheard,
    totals_sheet: bool = False,
) -> Written:
    """Write a report to a file that is open for writing, inside the caller's `snapshot()`.

    `heard` is told the control totals before the first row. `progress` hears of the rows so far with the first row, a
    few times a second from then on, and at the end; what it raises ends the writing. With `totals_sheet` the file has
    the totals too, if its format has a place for them. The target is neither synced nor closed. Raises
    TotalsDifferError.
    """
    tally = Tally(target)
    buffer = io.BufferedWriter(tally, BYTES_PER_BLOCK)
    rows = Rows(connection, report_type.query(scope), heard)
    write = format.write_with_totals if totals_sheet and format.write_with_totals else format.write
    written = write(rows, cast("BinaryIO", buffer), _seldom(progress))
    buffer.flush()
    if written != rows.totals.rows:
        raise TotalsDifferError(f"{report_type.title}: {written} rows were written, {rows.totals.rows} were counted")
    progress(written)
    return Written(written, tally.bytes, tally.hash.hexdigest(), rows.totals)


class Tally(io.RawIOBase):
    """Passes on what is written, counts its bytes and hashes them."""

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


def _seldom(progress: Progress) -> Progress:
    """The same, called at once and then at most every so many seconds: cheap enough to be told of every row."""
    next_at = 0.0

    def report(rows: int) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now >= next_at:
            next_at = now + SECONDS_BETWEEN_PROGRESS
            progress(rows)

    return report
