"""What the other connections to the test's database are doing, so that a test waits for that instead of a while."""

from django.db import connection


def is_executing(text: str) -> bool:
    """Return whether another connection is executing a statement that contains the text."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE %s)""",
            [f"%{text}%"],
        )
        return bool(cursor.fetchone()[0])


def is_lock_awaited(*, kind: str = "%") -> bool:
    """Return whether a connection waits for a lock, of the kind (`advisory`, `relation`, ...) if one is given."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE datname = current_database() AND locktype LIKE %s AND NOT granted)",
            [kind],
        )
        return bool(cursor.fetchone()[0])
