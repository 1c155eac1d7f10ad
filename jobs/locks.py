"""Locks that last until the end of a transaction, by name."""

from typing import LiteralString

from django.db import connection

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"


def hold(*names: str) -> None:
    """Hold these names alone, in this order; what the holders before committed is seen by the next statement.

    Everyone who holds several takes them in one order, so that nobody waits in a circle. Two names that fold into one
    number wait for each other without need, and that is all.
    """
    _take(_ALONE, names)


def hold_together(*names: str) -> None:
    """Hold these names together with others who do, and with nobody who holds one alone."""
    _take(_TOGETHER, names)


def _take(statement: LiteralString, names: tuple[str, ...]) -> None:
    if names:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(names)])
