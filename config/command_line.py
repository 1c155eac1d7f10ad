"""Django's command line, for which a command that needs the database finds it running and migrated.

The rule: every command needs a database with all migrations applied, except those named here. It gets it after its
arguments were read, so that a wrong one, or `--help`, starts nothing.
"""

from typing import Any

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand, CommandError

from config.database import ready_database

# They read code and files alone (or, like `demo`, see to the servers themselves, or, like `serve_metrics`, say that
# there is none).
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
# They deal with migrations themselves: the servers run, the database stays as it is.
WITHOUT_MIGRATIONS = {
    "makemigrations",
    "migrate",
    "optimizemigration",
    "showmigrations",
    "sqlmigrate",
    "squashmigrations",
}


class CommandLine(ManagementUtility):
    """`manage.py`."""

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

    # This one object is changed, not its class: a command that calls another one has its database already.
    command.execute = execute_with_database  # type: ignore[method-assign]


def _refuse_broken_text(options: dict[str, Any]) -> None:
    """What is not in UTF-8 names nothing in the database. File names may be so; they are no text but a Path."""
    for value in options.values():
        if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
            raise CommandError(f"The argument {value!a} is not in UTF-8.", returncode=2)
