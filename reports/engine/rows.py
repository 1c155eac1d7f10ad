"""The rows of a report, read from the database through COPY in constant memory, and their control totals.

Both are read inside the caller's transaction. In a snapshot they agree with each other.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import BinaryIO

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Copy, sql
from psycopg.abc import Buffer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from reports.engine.report_type import Query, ReportColumn
from reports.engine.totals import Totals, build_totals, select_distinct_counts, select_grouped_totals

OnProgress = Callable[[int], None]
"""Called with the number of rows so far."""
OnTotals = Callable[[Totals], None]

ROWS_PER_BLOCK = 256
_MATERIALIZED = sql.SQL("source")
_HEXADECIMAL = re.compile(rb"[0-9a-f]+")


class ReportRows:
    """The rows of one query, to be read once. `totals` are known before the first row, and passed to `on_totals`."""

    def __init__(self, connection: BaseDatabaseWrapper, query: Query, on_totals: OnTotals | None = None) -> None:
        self.columns: tuple[ReportColumn, ...] = query.columns
        self.totals = Totals()
        self._connection = connection
        self._query = query
        self._on_totals = on_totals

    @contextmanager
    def copying(self, cells: Iterable[sql.Composable], options: str = "FORMAT csv") -> Iterator[Copy]:
        """Open a COPY of the rows, in UTF-8; read it with `blocks` or `pour`.

        `cells` are SQL expressions over the columns' values, `options` those of COPY. An exception inside the block
        ends the statement.
        """
        query = self._query
        if not query.is_costly:
            self._set_totals(self._query_totals())
            with self._copy(query.ordered(cells), options) as copy:
                yield copy
            return
        with self._copy(_select_totals_and_rows(query, list(cells)), options) as copy:
            self._set_totals(_totals_from_first_row(query, bytes(copy.read())))
            yield copy

    @contextmanager
    def _copy(self, select: sql.Composable, options: str) -> Iterator[Copy]:
        statement = sql.SQL("COPY ({}) TO STDOUT ({}, ENCODING 'UTF8')").format(select, sql.SQL(options))
        with (
            self._connection.cursor() as cursor,
            self._connection.wrap_database_errors,
            # One string: Django's cursor takes no parameters for copy() while it logs queries.
            cursor.copy(statement.as_string(cursor.connection)) as copy,
        ):
            yield copy

    def _query_totals(self) -> Totals:
        """Read the source a second time, unsorted: cheaper than materializing rows in order to read them twice."""
        distinct_counts = select_distinct_counts(self._query, self._query.relation)
        with self._connection.cursor() as cursor:
            cursor.execute(
                select_grouped_totals(self._query, self._query.relation).as_string(cursor.connection),
            )
            grouped = cursor.fetchall()
            if distinct_counts is None:
                return build_totals(self._query, grouped, [])
            cursor.execute(distinct_counts.as_string(cursor.connection))
            return build_totals(self._query, grouped, cursor.fetchone() or [])

    def _set_totals(self, totals: Totals) -> None:
        self.totals = totals
        if self._on_totals:
            self._on_totals(totals)


def blocks(copy: Copy) -> Iterator[list[Buffer]]:
    """Yield the rows of a COPY in lists: the first row alone, then up to `ROWS_PER_BLOCK` rows that have arrived.

    Takes half the time of iterating over the copy, since libpq is asked directly as long as it holds rows.
    """
    wire = copy.connection.pgconn
    block: list[Buffer] = []
    row: Buffer
    most = 1
    ends: list[PGresult] = []
    while not ends:
        size, row = wire.get_copy_data(1)
        if size < 0:
            # Fetch the result before yielding the last rows: if the caller raises over them, the connection is idle.
            ends = copy.connection.wait(fetch_many(wire))
        elif not size and not block:
            if not (row := copy.read()):
                return
            size = len(row)
        if size > 0:
            block.append(row)
            if len(block) < most:
                continue
        if block:
            yield block
            block = []
            most = ROWS_PER_BLOCK
    for end in ends:
        if end.status != ExecStatus.COMMAND_OK:
            raise error_from_result(end)


def pour(copy: Copy, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write what COPY sends to the target as it is, call `on_progress` after each block, return the number of rows."""
    written = 0
    for block in blocks(copy):
        target.write(b"".join(block))
        written += len(block)
        on_progress(written)
    return written


def _select_totals_and_rows(query: Query, cells: list[sql.Composable]) -> sql.Composed:
    """Return a SELECT of a first row with the totals in its first cell, then of the cells as text.

    The source's rows are computed once. The totals are in hexadecimal, which every format of COPY writes alike.
    """
    return sql.SQL(
        """
        WITH source AS MATERIALIZED ({source})
        SELECT encode(convert_to(json_build_array(
            (SELECT json_agg(grouped_totals) FROM ({grouped_totals}) AS grouped_totals),
            (SELECT to_json(distinct_counts) FROM ({distinct_counts}) AS distinct_counts)
        )::text, 'UTF8'), 'hex'){nulls}
        UNION ALL ({rows})
        """
    ).format(
        source=query.source,
        grouped_totals=select_grouped_totals(query, _MATERIALIZED),
        distinct_counts=select_distinct_counts(query, _MATERIALIZED) or sql.SQL("SELECT WHERE false"),
        nulls=sql.SQL(", NULL" * (len(cells) - 1)),
        rows=query.ordered((sql.SQL("({})::text").format(cell) for cell in cells), _MATERIALIZED),
    )


def _totals_from_first_row(query: Query, line: bytes) -> Totals:
    """Return the totals in the first row; a UNION ALL yields the rows of its parts in the order of the parts."""
    packed = _HEXADECIMAL.match(line)
    if packed is None:
        raise DatabaseError(f"The first row should hold the totals, but is: {line[:80]!r}")
    grouped, distinct_counts = json.loads(bytes.fromhex(packed[0].decode()), parse_float=Decimal)
    rows = (list(row.values()) for row in grouped or [])
    return build_totals(query, rows, list((distinct_counts or {}).values()))
