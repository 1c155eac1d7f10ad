"""Locks that last until the end of a transaction, by name."""

from django.db import connection


def hold(*names: str) -> None:
    """Hold these names alone, in this order; what the holders before committed is seen by the next statement.

    Everyone who holds several takes them in one order, so that nobody waits in a circle. Two names that fold into one
    number wait for each other without need, and that is all.
    """
    locks = ", ".join(["pg_advisory_xact_lock(hashtextextended(%s, 0))"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {locks}", names)
