"""The locks by which uploads wait for one another: first on the tables that all accounts share, then on each account.

A change of rates or subscriptions holds an exclusive lock on the shared tables. A change of accounts' usage holds a
shared lock on them and an exclusive lock on each of its accounts. Taking the locks always in this order rules out
deadlocks; they are released at the end of the transaction. The tables of a staged file outlive transactions, and so
does the lock on them, which shows that a process still works with them; it ends with the connection.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from jobs.locks import hold, hold_together
from jobs.sql import fetch_value

_SHARED_TABLES = "usage: shared tables"


def lock_shared_tables() -> None:
    """Take the exclusive lock on accounts, charges, rates, subscriptions and resources."""
    hold(_SHARED_TABLES)


def lock_accounts(account_ids: Iterable[int]) -> None:
    """Take a shared lock on the shared tables and an exclusive lock on the usage of each of these accounts."""
    hold_together(_SHARED_TABLES)
    hold(*(f"usage: account {account_id}" for account_id in sorted(account_ids)))


@contextmanager
def staged_file(table: str) -> Iterator[None]:
    """Hold the lock on the tables of a staged file, named by the first of them, as long as the context lasts."""
    fetch_value("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [_name(table)])
    try:
        yield
    finally:
        fetch_value("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_name(table)])


def is_abandoned(table: str) -> bool:
    """Return whether no process holds the tables of a staged file: the connection ended before they were dropped.

    Names are never used again, so an abandoned table stays abandoned.
    """
    is_free = bool(fetch_value("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_name(table)]))
    if is_free:
        fetch_value("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_name(table)])
    return is_free


def _name(table: str) -> str:
    return f"usage: staged file {table}"
