"""A database that is ready to be used: it runs, is new enough, and has every migration."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from config.embedded import home_folder, running
from config.embedded.locks import exclusive
from config.embedded.sharing import Running

OLDEST_VERSION = 16
CONNECT_SECONDS = 2


@contextmanager
def ready_database(*, migrated: bool = True) -> Iterator[Running]:
    """The embedded servers run inside of this context, and with `migrated` every migration has been applied.

    Only the embedded database is migrated unasked. Raises CommandError when the one of DATABASE_URL does not answer, is
    too old, or lacks migrations; EmbeddedError when an embedded server does not come up.
    """
    with running() as servers:
        try:
            if migrated and "DATABASE_URL" in os.environ:
                _refuse_unready()
            elif migrated:
                _migrate()
            yield servers
        finally:
            connections.close_all()


@contextmanager
def impatient_connection(*, seconds: int) -> Iterator[None]:
    """Inside, this thread has another connection, in a transaction: CONNECT_SECONDS to connect, `seconds` a query.

    Raises OperationalError when the database takes longer. (One that freezes in the middle of a query cannot be waited
    for less: ask it in a thread.)
    """
    usual = connections[DEFAULT_DB_ALIAS]
    impatient = connections.create_connection(DEFAULT_DB_ALIAS)
    bounds = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": 2000,
        "keepalives_idle": 2,
        "keepalives_interval": 1,
    }
    impatient.settings_dict = usual.settings_dict | {"OPTIONS": usual.settings_dict["OPTIONS"] | bounds}
    connections[DEFAULT_DB_ALIAS] = impatient
    try:
        with transaction.atomic(), impatient.cursor() as cursor:
            # For the transaction alone: behind a pooler the next one of the connection may be somebody else's.
            cursor.execute(f"SET LOCAL statement_timeout = {seconds * 1000:d}")
            yield
    finally:
        impatient.close()
        connections[DEFAULT_DB_ALIAS] = usual


def pending_migrations() -> int:
    """How many migrations the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _migrate() -> None:
    if not pending_migrations():
        return
    with exclusive(home_folder() / "migrate.lock"):  # another command may be at it
        if pending := pending_migrations():
            sys.stderr.write(f"Preparing the database ({pending} migrations) ...\n")
            call_command("migrate", verbosity=0, interactive=False)


def _refuse_unready() -> None:
    title = "The database of DATABASE_URL"
    try:
        pending = pending_migrations()
    except OperationalError as error:
        raise CommandError(f"{title} does not answer: {str(error).strip().splitlines()[0]}") from error
    version = connection.pg_version // 10_000  # type: ignore[attr-defined]  # PostgreSQL is the only database
    if version < OLDEST_VERSION:
        raise CommandError(f"{title} is PostgreSQL {version}; Tallydesk needs {OLDEST_VERSION} or newer.")
    if pending:
        raise CommandError(f"{title} lacks {pending} migrations: run 'manage.py migrate' first.")
