"""The tables of staged files: kept as long as somebody works with them or an upload refers to them."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import sql

from usage.locks import is_abandoned
from usage.models import Upload
from usage.resources.base import COMMA
from usage.resources.batches import Batch
from usage.resources.formats import Expression

# PostgreSQL plans a statement of a message after those before it have run: it may use a table that they create.
_IN_ORDER = sql.SQL(";\n")
# For fewer rows, what the planner estimates from the size of a table is good enough.
_ROWS_WORTH_STATISTICS = 1000


def run(statements: Sequence[Expression]) -> int:
    """Execute in order, in one message to the database; return the number of rows written."""
    if not statements:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_IN_ORDER.join(statements))
        written: int = max(cursor.rowcount, 0)
        while cursor.nextset():
            written += max(cursor.rowcount, 0)
    return written


def run_and_fetch(statements: Sequence[Expression]) -> tuple[Any, ...]:
    """Execute in order, in one message to the database; return the one row of the last statement, a query."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_ORDER.join(statements))
        cursor.set_result(-1)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def statistics(table: sql.Identifier, rows: int) -> Sequence[Expression]:
    """Return the statement that gives the planner statistics of a new table; none for a table of few rows."""
    return [sql.SQL("ANALYZE {}").format(table)] if rows >= _ROWS_WORTH_STATISTICS else []


def restart_counter(batch: Batch) -> None:
    """Count from 0 again; seen by others at once."""
    run([sql.SQL("SELECT setval({}, 1, false)").format(sql.Literal(f"{batch.table}_progress"))])


def counted(batch: Batch) -> int:
    """How many rows the statement under way has come to, or a few more; asked on a connection of one's own."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(batch.progress))
        return int(cursor.fetchone()[0])


def columns_of_table(table: str) -> list[str]:
    """The names of the columns of a staged file, in its order; empty when there is no such table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            [f'"{table}"'],
        )
        names = [str(name) for (name,) in cursor.fetchall()]
    return [name for name in names if name not in {"line", "fault", "found"}]


def is_intact(batch: Batch, rows: int) -> bool:
    """Whether the tables hold what the last check left in them: a crash of the server empties the unlogged ones."""
    tables = [batch.cells, batch.rows, batch.errors, batch.repeats]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT {}").format(
                sql.SQL(" AND ").join(
                    sql.SQL("to_regclass({}) IS NOT NULL").format(sql.Literal(table.as_string())) for table in tables
                )
            )
        )
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(
            sql.SQL("SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})").format(batch.cells, batch.rows)
        )
        return bool(cursor.fetchone() == (rows, rows))


def drop_abandoned_tables() -> int:
    """Drop the tables that nobody works with and no upload refers to any more; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            " AND tablename ~ '^upload_[0-9a-f]{16}(_[a-z]+)?$' ORDER BY tablename"
        )
        names = [str(name) for (name,) in cursor.fetchall()]
    files = {name[: len("upload_") + 16] for name in names}
    # Abandoned first: whoever lets go of the tables has by then saved who refers to them.
    abandoned = {table for table in sorted(files) if is_abandoned(table)}
    abandoned -= set(Upload.objects.filter(staging_table__in=abandoned).values_list("staging_table", flat=True))
    dropped = [name for name in names if name[: len("upload_") + 16] in abandoned]
    if dropped:
        run([sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join(map(sql.Identifier, dropped)))])
    return len(dropped)
