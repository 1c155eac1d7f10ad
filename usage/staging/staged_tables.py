"""The tables of staged files: kept as long as a process works with them or an upload refers to them."""

from collections.abc import Sequence

from psycopg import sql

from jobs.sql import execute_all, fetch_all, fetch_value
from usage.locks import is_abandoned
from usage.models import Upload
from usage.resources.base import COMMA
from usage.resources.batches import Batch
from usage.resources.formats import Expression

# For fewer rows, what the planner estimates from the size of a table is good enough.
_ROWS_WORTH_STATISTICS = 1000


def statistics(table: sql.Identifier, rows: int) -> Sequence[Expression]:
    """Return the statement that gives the planner statistics of a new table; none for a table of few rows."""
    return [sql.SQL("ANALYZE {}").format(table)] if rows >= _ROWS_WORTH_STATISTICS else []


def restart_counter(batch: Batch) -> None:
    """Set the progress sequence to 0. It is not transactional: other connections see that at once."""
    execute_all([sql.SQL("SELECT setval({}, 1, false)").format(sql.Literal(f"{batch.table}_progress"))])


def rows_reached(batch: Batch) -> int:
    """Return how many rows the running statement has reached, or a few more. Call it on another connection."""
    return int(
        fetch_value(
            sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(batch.progress),
        )
    )


def columns_of_table(table: str) -> list[str]:
    """Return the names of a staged file's columns, in the order of the file; none when there is no such table."""
    names = fetch_all(
        """
        SELECT attname FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
        """,
        [f'"{table}"'],
    )
    return [str(name) for (name,) in names if name not in {"line", "fault", "found"}]


def is_intact(batch: Batch, rows: int) -> bool:
    """Return whether the tables hold what the last check left: a crash of the server empties unlogged tables."""
    tables = [batch.staged, batch.rows, batch.errors, batch.notices, batch.repeats]
    exist = sql.SQL("SELECT {}").format(
        sql.SQL(" AND ").join(
            sql.SQL("to_regclass({}) IS NOT NULL").format(sql.Literal(table.as_string())) for table in tables
        )
    )
    if not fetch_value(exist):
        return False
    counts = sql.SQL("SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})").format(batch.staged, batch.rows)
    return fetch_all(counts) == [(rows, rows)]


def drop_abandoned_tables() -> int:
    """Drop the tables that no process works with and no upload refers to; return how many were dropped."""
    found = fetch_all(
        """
        SELECT tablename FROM pg_tables
        WHERE schemaname = current_schema() AND tablename ~ '^upload_[0-9a-f]{16}(_[a-z]+)?$'
        ORDER BY tablename
        """
    )
    names = [str(name) for (name,) in found]
    files = {name[: len("upload_") + 16] for name in names}
    # Look for abandoned tables first: a process that releases its tables has by then saved which upload refers to them.
    abandoned = {table for table in sorted(files) if is_abandoned(table)}
    abandoned -= set(Upload.objects.filter(staging_table__in=abandoned).values_list("staging_table", flat=True))
    dropped = [name for name in names if name[: len("upload_") + 16] in abandoned]
    if dropped:
        execute_all([sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join(map(sql.Identifier, dropped)))])
    return len(dropped)
