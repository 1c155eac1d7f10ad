"""Named locks, held until the transaction ends."""

from collections.abc import Sequence
from typing import LiteralString, TypeVar

from django.db import connection
from django.db.models import Model
from psycopg import sql

Row = TypeVar("Row", bound=Model)

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"


def hold(*names: str) -> None:
    """Take exclusive locks on these names, in this order. The next statement sees what earlier holders committed.

    All callers must take several names in the same order, which rules out deadlocks. Two names whose hashes collide
    share a lock: a needless wait, and nothing worse.
    """
    _take(_ALONE, names)


def hold_together(*names: str) -> None:
    """Take shared locks on these names, in this order; they exclude only the holders of `hold`."""
    _take(_TOGETHER, names)


def keep(row: Model) -> bool:
    """Keep a row from being deleted until the transaction ends. Return False if it has been deleted already."""
    return bool(kept([row]))


def kept(rows: Sequence[Row]) -> list[Row]:
    """Keep rows of one table from being deleted until the transaction ends; return those that still exist."""
    if not rows:
        return []
    statement = sql.SQL("SELECT id FROM {} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE").format(
        sql.Identifier(rows[0]._meta.db_table)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [[row.pk for row in rows]])
        found = {pk for (pk,) in cursor}
    return [row for row in rows if row.pk in found]


def _take(statement: LiteralString, names: tuple[str, ...]) -> None:
    if names:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(names)])
