"""Uploads that are held while they write rows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection, transaction

from billing.models import Account
from tests.factories import make_entity

ROWS = 60_000


@contextmanager
def held_while_writing(account: Account) -> Iterator[None]:
    """Hold the upload of ROWS users half way: an open transaction elsewhere inserts the user in the middle."""
    begun, over = threading.Event(), threading.Event()

    def be_in_the_way() -> None:
        with suppress(DatabaseError), transaction.atomic():  # the database may have stopped by then
            make_entity(account=account, identifier=f"user{ROWS // 2}@acme.example")
            begun.set()
            over.wait(300)
            transaction.set_rollback(True)
        connection.close()

    thread = threading.Thread(target=be_in_the_way)
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


def is_writing() -> bool:
    """Return whether another connection to the database is inserting users."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%INSERT INTO %usage_entity%'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone() is not None
