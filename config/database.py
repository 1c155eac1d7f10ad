"""Makes sure that the database is ready: it runs, is new enough, and has every migration."""

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
    """Run the embedded servers inside this context and, with `migrated`, make sure that every migration is applied.

    Only the embedded database is migrated automatically. Raises CommandError if the database of DATABASE_URL does not
    answer, is too old or lacks migrations, and EmbeddedError if an embedded server does not start.
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
    """Give this thread another connection, in a transaction: CONNECT_SECONDS to connect, `seconds` for each query.

    Raises OperationalError if the database takes longer. A database that freezes during a query cannot be timed out in
    this way: query it in a thread.
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
            # Only for this transaction: behind a pooler, the connection's next one may belong to another client.
            cursor.execute(f"SET LOCAL statement_timeout = {seconds * 1000:d}")
            yield
    finally:
        impatient.close()
        connections[DEFAULT_DB_ALIAS] = usual


def pending_migrations() -> int:
    """Return how many migrations the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _migrate() -> None:
    if not pending_migrations():
        return
    with exclusive(home_folder() / "migrate.lock"):  # another command may be migrating
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
