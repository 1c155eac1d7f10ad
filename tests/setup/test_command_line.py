"""`manage.py`: a command that needs the database finds it ready, and leaves nothing running."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from config.embedded import database_settings
from tests.setup.forked_commands import forked_commands
from tests.setup.servers import PROJECT

COUNT_MIGRATIONS = (
    "from django.db.migrations.recorder import MigrationRecorder as R; print(R.Migration.objects.count() > 5)"
)


def manage(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def empty_database() -> Iterator[str]:
    """Yield the URL of a database without tables, on the server that the tests use."""
    name = f"unmigrated_{os.getpid()}"
    settings = connection.settings_dict
    server = psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    )
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    person = quote(settings["USER"]) + (f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else "")
    address = f"{settings['HOST']}:{settings['PORT'] or 5432}"
    yield (
        f"postgres://{person}@/{settings['HOST']}/{name}" if "/" in address else f"postgres://{person}@{address}/{name}"
    )
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    server.close()


def test_two_commands_at_once_on_a_fresh_home_share_a_database_that_is_migrated_once(home: Path) -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", COUNT_MIGRATIONS]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    both = [
        subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [output for output, _ in answers] == ["True\n", "True\n"]
    assert "".join(errors for _, errors in answers).count("Preparing the database") == 1
    assert not Path(database_settings()["HOST"]).exists()


def test_help_checks_and_wrong_arguments_start_nothing(home: Path, tmp_path: Path) -> None:
    statuses = {
        ("migrate", "--help"): 0,
        ("help",): 0,
        ("check",): 0,
        ("migrate", "--nonsense"): 2,
        ("nonsense",): 1,
    }
    with forked_commands(tmp_path) as commands:
        assert {words: commands.run(words).returncode for words in statuses} == statuses
    assert not (home / "postgres").exists()


def test_an_argument_that_is_not_utf8_is_one_sentence(home: Path) -> None:
    answer = manage("billing_cycle", "SUB-\udcff")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "CommandError: The argument 'SUB-\\udcff' is not in UTF-8.\n"
    assert not (home / "postgres").exists()


def test_a_separate_database_is_never_migrated_without_being_told_to(home: Path, empty_database: str) -> None:
    settings = {"DATABASE_URL": empty_database, "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "for a test"}
    refused = manage("shell", "--no-imports", "-c", "print(1)", **settings)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("CommandError: The database of DATABASE_URL lacks ")
    assert refused.stderr.endswith(" migrations: run 'manage.py migrate' first.\n")
    assert not (home / "postgres").exists()
    assert manage("showmigrations", **settings).returncode == 0


def test_a_database_that_does_not_answer_is_one_sentence(home: Path) -> None:
    answer = manage(
        "shell",
        "-c",
        "1",
        DATABASE_URL="postgres://a@127.0.0.1:1/b",
        REDIS_URL="redis://127.0.0.1:1/0",
        SECRET_KEY="for a test",
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("CommandError: The database of DATABASE_URL does not answer: ")
    assert answer.stderr.count("\n") == 1


def test_a_home_that_cannot_be_used_is_one_sentence(home: Path) -> None:
    home.write_text("no folder")
    answer = manage("migrate")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"Tallydesk cannot use its home {home}: ")
    assert answer.stderr.count("\n") == 1
