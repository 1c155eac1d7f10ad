"""Other processes that use a home, and queries to its servers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config.embedded import database_settings, redis_url

PROJECT = Path(__file__).resolve().parent.parent.parent
HOLD = (
    "from config.embedded import running\nwith running(durable=False):\n    print('running', flush=True)\n    input()\n"
)


@contextmanager
def another_user_of(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a second process inside `running`, which leaves it when its standard input is closed."""
    environment = os.environ | {"TALLYDESK_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == "running\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=120)
        process.stdout.close()


def kill(process: "subprocess.Popen[str]") -> None:
    """Send SIGKILL, so that the process cleans up nothing."""
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)


def query(statement: str, *, user: str = "tallydesk", database: str = "tallydesk") -> Any:
    """Return the first value of a query to the embedded PostgreSQL of the current home."""
    settings = database_settings()
    with psycopg.connect(
        host=settings["HOST"], port=settings["PORT"], user=user, dbname=database, autocommit=True
    ) as c:
        cursor = c.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def broker_socket() -> Path:
    """Return the unix socket in the current home's Redis address."""
    return Path(redis_url().removeprefix("unix://").partition("?")[0])
