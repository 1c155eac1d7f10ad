"""Restore the database as migrations left it after a test that commits rows, faster than Django does.

Django truncates all tables and makes permissions anew, for whatever a test has saved. Mostly that is a few rows, which
are deleted in a fraction of the time.
"""

from typing import Any

from django.db import connection, transaction
from psycopg import sql

MANY = 5_000
"""Rows that are no longer deleted, but truncated: whatever may refer to a row is searched for each that goes."""


class Emptying:
    """A snapshot of the freshly migrated database; `empty` restores it, whatever a test has done."""

    def __init__(self) -> None:
        names = sorted(connection.introspection.table_names(include_views=False))
        with connection.cursor() as cursor:
            cursor.execute(_union("SELECT {name}, {rows} FROM {table} t", names))
            self._migrated = {name: rows for name, rows in cursor if rows}
            counting = "SELECT {name}, count(*), NULL FROM (SELECT FROM {table} LIMIT {many}) t HAVING count(*) > 0"
            others = [name for name in names if name not in self._migrated]
            reading = _union("SELECT {name}, 0, {rows} FROM {table} t", self._migrated)
            self._search = sql.SQL(" UNION ALL ").join([_union(counting, others), reading])

    def empty(self) -> None:
        """Delete rows that the tables did not hold, and restore those that they did."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(self._search)
            found = {name: count for name, count, rows in cursor if rows != self._migrated.get(name) or count}
            many = [name for name, count in found.items() if count == MANY]
            if many:
                tables = sql.SQL(", ").join(map(sql.Identifier, many))
                cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
            for name in found.keys() - many:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name in found.keys() & self._migrated.keys():
                statement = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s)")
                cursor.execute(statement.format(sql.Identifier(name)), [self._migrated[name]])


def _union(statement: str, names: Any) -> sql.Composed:
    """Return the answer to a question for each table. `rows`: all rows of a table as text; NULL if it is empty."""
    rows = sql.SQL("json_agg(t ORDER BY t::text)::text")
    return sql.SQL(" UNION ALL ").join(
        sql.SQL(statement).format(name=sql.Literal(name), table=sql.Identifier(name), rows=rows, many=sql.Literal(MANY))
        for name in names
    )
