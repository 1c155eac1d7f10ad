"""The rows of a report out of the database through COPY, few of them in memory at a time, and their control totals.

Both are read inside the caller's transaction: in a snapshot, they agree with each other.
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

from reports.engine.report_type import Column, Query
from reports.engine.totals import Totals, distinct, groups, totals_of

_KEPT = sql.SQL("source")
_HEXADECIMAL = re.compile(rb"[0-9a-f]+")
ROWS_PER_BLOCK = 256


def unheard(_totals: Totals) -> None:
    """For totals that nobody waits for: they are found in `Rows.totals` all the same."""


class Rows:
    """The rows of one query, to be read once; `heard` is told their totals before the first of them comes."""

    def __init__(
        self, connection: BaseDatabaseWrapper, query: Query, heard: Callable[[Totals], None] = unheard
    ) -> None:
        self.columns: tuple[Column, ...] = query.columns
        self.totals = Totals()
        self._connection = connection
        self._query = query
        self._heard = heard

    @contextmanager
    def copying(self, cells: Iterable[sql.Composable], options: str = "FORMAT csv") -> Iterator[Copy]:
        """What COPY sends of the rows, in UTF-8; see `blocks` and `pour`.

        `cells` are SQL expressions over the columns' values, `options` those of COPY. What is raised inside the block
        ends the statement.
        """
        query = self._query
        if not query.is_costly:
            self._hear(self._totals_apart())
            with self._copy(query.ordered(cells), options) as copy:
                yield copy
            return
        with self._copy(_with_totals_first(query, list(cells)), options) as copy:
            self._hear(_totals_in(query, bytes(copy.read())))
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

    def _totals_apart(self) -> Totals:
        """The source once more, without its order: less than writing the rows down to read them twice."""
        different = distinct(self._query, self._query.relation)
        with self._connection.cursor() as cursor:
            cursor.execute(groups(self._query, self._query.relation).as_string(cursor.connection))
            grouped = cursor.fetchall()
            if different is None:
                return totals_of(self._query, grouped, [])
            cursor.execute(different.as_string(cursor.connection))
            return totals_of(self._query, grouped, cursor.fetchone() or [])

    def _hear(self, totals: Totals) -> None:
        self.totals = totals
        self._heard(totals)


def blocks(copy: Copy) -> Iterator[list[Buffer]]:
    """What iterating over the copy yields, to its end, in lists of rows that have come in: one, then up to so many.

    In half of the time: libpq is asked directly as long as it has rows at hand.
    """
    wire = copy.connection.pgconn
    block: list[Buffer] = []
    row: Buffer
    most = 1
    ends: list[PGresult] = []
    while not ends:
        size, row = wire.get_copy_data(1)
        if size < 0:
            # Taken before the last rows are handed over: who has them may raise, and leaves a connection at rest.
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


def pour(copy: Copy, target: BinaryIO, progress: Callable[[int], None]) -> int:
    """Write what COPY sends into the target as it is, and return the number of rows; `progress` hears of it often."""
    written = 0
    for block in blocks(copy):
        target.write(b"".join(block))
        written += len(block)
        progress(written)
    return written


def _with_totals_first(query: Query, cells: list[sql.Composable]) -> sql.Composed:
    """A SELECT of the cells as text, after a row with the totals in its first cell; the source's rows are made once.

    In hexadecimal the totals are the same in every format of COPY.
    """
    return sql.SQL(
        """WITH source AS MATERIALIZED ({source})
        SELECT encode(convert_to(json_build_array(
            (SELECT json_agg(grouped) FROM ({groups}) AS grouped),
            (SELECT to_json(counted) FROM ({distinct}) AS counted)
        )::text, 'UTF8'), 'hex'){nulls}
        UNION ALL ({rows})"""
    ).format(
        source=query.source,
        groups=groups(query, _KEPT),
        distinct=distinct(query, _KEPT) or sql.SQL("SELECT WHERE false"),
        nulls=sql.SQL(", NULL" * (len(cells) - 1)),
        rows=query.ordered((sql.SQL("({})::text").format(cell) for cell in cells), _KEPT),
    )


def _totals_in(query: Query, line: bytes) -> Totals:
    """What the first row says. The rows of a UNION ALL come in the order in which it names their sources."""
    packed = _HEXADECIMAL.match(line)
    if packed is None:
        raise DatabaseError(f"The totals did not come first, but: {line[:80]!r}")
    grouped, different = json.loads(bytes.fromhex(packed[0].decode()), parse_float=Decimal)
    rows = (list(row.values()) for row in grouped or [])
    return totals_of(query, rows, list((different or {}).values()))
