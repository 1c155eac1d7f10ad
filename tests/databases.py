"""The database of each process of a run: a copy of one that was migrated once and is kept for the next run.

Migrating takes longer than most folders of tests; copying takes a tenth of a second.
"""

import hashlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from config.embedded import home_folder
from config.embedded.locks import exclusive

PREFIX = "migrated_"


def use_a_migrated_copy() -> None:
    """Let Django create its test database as a copy of a migrated one, which is created if it does not exist."""
    name = f"{PREFIX}{migrations_digest()}"
    with exclusive(home_folder() / "migrated.lock"):
        if not _exists(name):
            _make(name)
    connection.settings_dict["TEST"].update(TEMPLATE=name, MIGRATE=False)


def migrations_digest() -> str:
    """Return a digest of what the migrated database depends on: the migrations of all applications, and Django."""
    files = {inspect.getfile(type(migration)) for migration in MigrationLoader(None).disk_migrations.values()}
    digest = hashlib.sha256(django.__version__.encode())
    for file in sorted(files):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:16]


def _make(name: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
        for (outdated,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(outdated)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"{name}_new")))
    with _connected_to(f"{name}_new"):
        call_command("migrate", verbosity=0)
    with connection._nodb_cursor() as cursor:
        names = map(sql.Identifier, (f"{name}_new", name))
        cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def _exists(name: str) -> bool:
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return cursor.fetchone() is not None


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
