"""What other connections to the test's database are doing, so that a test can wait for it instead of sleeping."""

from typing import LiteralString

from django.db import connection


def is_executing(text: str) -> bool:
    """Return whether another connection is executing a statement that contains the text."""
    return _exists(
        "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        " AND pid <> pg_backend_pid() AND query LIKE %s",
        f"%{text}%",
    )


def is_lock_awaited(*, kind: str = "%") -> bool:
    """Return whether a connection waits for a lock, of the kind (`advisory`, `relation`, ...) if one is given."""
    return _exists(
        "FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE datname = current_database() AND locktype LIKE %s AND NOT granted",
        kind,
    )


def _exists(rows: LiteralString, parameter: str) -> bool:
    with connection.cursor() as cursor:
        # In a transaction the first result would be repeated, without connections made since.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(f"SELECT EXISTS (SELECT {rows})", [parameter])
        return bool(cursor.fetchone()[0])
