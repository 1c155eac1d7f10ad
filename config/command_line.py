"""Django's command line, which starts and migrates the database for commands that need it.

Every command needs a database with all migrations applied, except those named here. The database is made ready after
the arguments are parsed, so that a wrong argument, or `--help`, starts nothing.
"""

from typing import Any

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand, CommandError

from config.database import ready_database

# They read only code and files (or start the servers themselves, like `demo`, or report a missing database, like
# `serve_metrics`).
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "demo",
    "diffsettings",
    "findstatic",
    "makemessages",
    "serve_metrics",
    "spectacular",
    "startapp",
    "startproject",
}
# They handle migrations themselves: the servers run, and the database stays as it is.
WITHOUT_MIGRATIONS = {
    "makemigrations",
    "migrate",
    "optimizemigration",
    "showmigrations",
    "sqlmigrate",
    "squashmigrations",
}


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        command = super().fetch_command(subcommand)
        if subcommand not in WITHOUT_DATABASE:
            _give_database(command, migrated=subcommand not in WITHOUT_MIGRATIONS)
        return command


def _give_database(command: BaseCommand, *, migrated: bool) -> None:
    execute = command.execute

    def execute_with_database(*args: Any, **options: Any) -> str | None:
        _refuse_broken_text(options)
        with ready_database(migrated=migrated):
            return execute(*args, **options)

    # Change this object, not its class: a command that another command calls already has its database.
    command.execute = execute_with_database  # type: ignore[method-assign]


def _refuse_broken_text(options: dict[str, Any]) -> None:
    """Refuse text that is not UTF-8, which cannot match anything in the database. File names are Paths, and pass."""
    for value in options.values():
        if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
            raise CommandError(f"The argument {value!a} is not in UTF-8.", returncode=2)
