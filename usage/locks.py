"""How uploads wait for one another: first for the tables that all accounts share, then account by account.

Whoever changes rates or subscriptions holds the shared tables alone; whoever writes into accounts holds them together
with others, and its accounts alone. Since everyone takes them in this order, nobody waits in a circle. The locks are
let go at the end of the transaction. The tables of a staged file outlive transactions, and so does the lock on them,
which says that somebody still works with them; it ends with the connection.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection

from jobs.locks import hold, hold_together

_SHARED_TABLES = "usage: shared tables"


def lock_shared_tables() -> None:
    """Hold accounts, charges, rates, subscriptions and resources alone."""
    hold(_SHARED_TABLES)


def lock_accounts(account_ids: Iterable[int]) -> None:
    """Hold the usage of these accounts alone, and the shared tables together with others."""
    hold_together(_SHARED_TABLES)
    hold(*(f"usage: account {account_id}" for account_id in sorted(account_ids)))


@contextmanager
def staged_file(table: str) -> Iterator[None]:
    """Hold the tables of a staged file, by the name of the first, as long as the context lasts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [_name(table)])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_name(table)])


def is_abandoned(table: str) -> bool:
    """Whether nobody holds the tables of a staged file: their connection ended before they were dropped.

    A name is never used again, so that nobody will hold them later either.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_name(table)])
        (is_free,) = cursor.fetchone()
        if is_free:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_name(table)])
    return bool(is_free)


def _name(table: str) -> str:
    return f"usage: staged file {table}"
