"""The rows of a query out of the database through COPY: one statement, one row in memory at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Copy, sql


@contextmanager
def copying(connection: BaseDatabaseWrapper, select: sql.Composable, options: str = "FORMAT csv") -> Iterator[Copy]:
    """What `COPY (select) TO STDOUT` yields, in UTF-8; iterated over, it is the bytes of one row at a time.

    `options` are those of COPY. What is raised inside the block ends the statement.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT ({}, ENCODING 'UTF8')").format(select, sql.SQL(options))
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        # One string: Django's cursor takes no parameters for copy() while it logs queries.
        cursor.copy(statement.as_string(cursor.connection)) as copy,
    ):
        yield copy
