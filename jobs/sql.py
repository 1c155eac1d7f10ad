"""Statements of SQL run outside the ORM, on the connection of the thread."""

from collections.abc import Sequence
from typing import Any, LiteralString

from django.db import connection
from psycopg import sql

# PostgreSQL plans a statement of a message after those before it have run: it may use a table that they create.
_IN_ORDER = sql.SQL(";\n")


def fetch_all(
    statement: sql.Composable | LiteralString, parameters: Sequence[Any] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a query; of several statements in one message (see `one_message`), those of the last."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        cursor.set_result(-1)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def fetch_value(statement: sql.Composable | LiteralString, parameters: Sequence[Any] | None = None) -> Any:
    """Return the first column of a query's one row. Raise ValueError unless there is exactly one row."""
    (row,) = fetch_all(statement, parameters)
    return row[0]


def execute_all(statements: Sequence[sql.Composable]) -> int:
    """Execute the statements in order, in one message to the database; return the number of rows that they wrote."""
    if not statements:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(one_message(statements))
        written = max(cursor.rowcount, 0)
        while cursor.nextset():
            written += max(cursor.rowcount, 0)
    return int(written)


def one_message(statements: Sequence[sql.Composable]) -> sql.Composed:
    """Return the statements as one that `fetch_all` sends in one message and whose last part is the query."""
    return _IN_ORDER.join(statements)
