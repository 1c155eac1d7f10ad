"""How uploads wait for one another: first for the tables that all accounts share, then account by account.

Whoever changes rates or subscriptions holds the shared tables alone; whoever writes into accounts holds them together
with others, and its accounts alone. Since everyone takes them in this order, nobody waits in a circle. The locks are
let go at the end of the transaction. The tables of a staged file outlive transactions, and so does the lock on them,
which says that somebody still works with them; it ends with the connection.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection

# The first of an advisory lock's two numbers: what the second is about.
_SHARED_TABLES = 7301
_ACCOUNT = 7302
_STAGED_FILE = 7303


def lock_shared_tables() -> None:
    """Hold accounts, charges, rates, subscriptions and resources alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_SHARED_TABLES])


def lock_accounts(account_ids: Iterable[int]) -> None:
    """Hold the usage of these accounts alone, and the shared tables together with others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, 0)", [_SHARED_TABLES])
        for account_id in sorted(account_ids):
            # Two accounts whose numbers fold into one wait for each other without need, and that is all.
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ACCOUNT, account_id % 2**31])


@contextmanager
def staged_file(table: str) -> Iterator[None]:
    """Hold the tables of a staged file, by the name of the first, as long as the context lasts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_STAGED_FILE, table])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_STAGED_FILE, table])


def is_abandoned(table: str) -> bool:
    """Whether nobody holds the tables of a staged file: their connection ended before they were dropped.

    A name is never used again, so that nobody will hold them later either.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_STAGED_FILE, table])
        (is_free,) = cursor.fetchone()
        if is_free:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_STAGED_FILE, table])
    return bool(is_free)
