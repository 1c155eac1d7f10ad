"""Rows read through COPY arrive whole and in order, a few hundred at a time; errors are raised."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain

import psycopg
import pytest
from django.db import connection, transaction
from psycopg import Copy

from reports.engine.rows import ROWS_PER_BLOCK, blocks

pytestmark = pytest.mark.django_db


@contextmanager
def copied(select: str) -> Iterator[Copy]:
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(f"COPY ({select}) TO STDOUT") as copy:
        yield copy


def still_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


@pytest.mark.parametrize("rows", [0, 1, 2, ROWS_PER_BLOCK, ROWS_PER_BLOCK + 1, 20_000])
def test_every_row_comes_once_and_in_order(rows: int) -> None:
    with copied(f"SELECT number FROM generate_series(1, {rows}) AS number") as copy:
        lists = list(blocks(copy))

    assert b"".join(chain.from_iterable(lists)).split() == [b"%d" % number for number in range(1, rows + 1)]
    assert [len(block) for block in lists[:1]] == [1][:rows]
    assert all(0 < len(block) <= ROWS_PER_BLOCK for block in lists)
    assert still_answers()


def test_received_rows_are_yielded_before_waiting_for_the_next() -> None:
    # The rows are larger than the server's buffer.
    slow = """SELECT repeat('x', 20000), CASE row WHEN 4 THEN pg_advisory_xact_lock(1) END
        FROM generate_series(1, 4) AS row"""
    before_the_last = heard = 0
    with closing(connection.copy()) as other, other.cursor() as in_the_way, connection.cursor() as cursor:
        in_the_way.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("SET LOCAL statement_timeout = '30s'")
        with copied(slow) as copy:
            for block in blocks(copy):
                heard += len(block)
                if not before_the_last and heard >= 2:
                    before_the_last = heard
                    in_the_way.execute("SELECT pg_advisory_unlock(1)")

    assert before_the_last in {2, 3}
    assert heard == 4


def test_an_error_after_some_rows_is_raised_as_what_it_is() -> None:
    rows = 0

    def read_all() -> None:
        nonlocal rows
        with copied("SELECT 1 / (9000 - number) FROM generate_series(1, 9999) AS number") as copy:
            for block in blocks(copy):
                rows += len(block)

    with pytest.raises(psycopg.errors.DivisionByZero):
        read_all()

    assert 0 < rows < 9000
    assert still_answers()


@pytest.mark.parametrize("rows", [1, 2, ROWS_PER_BLOCK, ROWS_PER_BLOCK + 1, ROWS_PER_BLOCK + 2, 2000])
def test_who_raises_over_the_last_rows_keeps_a_connection_that_answers(
    rows: int, caplog: pytest.LogCaptureFixture
) -> None:
    def read_all() -> None:
        heard = 0
        with copied(f"SELECT generate_series(1, {rows})") as copy:
            for block in blocks(copy):
                heard += len(block)
                if heard == rows:
                    raise KeyboardInterrupt

    with transaction.atomic():
        with pytest.raises(KeyboardInterrupt):
            read_all()
        assert still_answers()
    assert caplog.records == []


def test_who_stops_early_keeps_a_connection_that_answers() -> None:
    def read_some() -> None:
        with copied("SELECT generate_series(1, 1000000)") as copy:
            for _block in blocks(copy):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_some()

    assert still_answers()
