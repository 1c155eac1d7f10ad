"""Shares the embedded servers: the first process that needs them starts them, the last one stops them."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.errors import EmbeddedError
from config.embedded.homes import made_home, plain_errors, remembered_place
from config.embedded.locks import exclusive, opened, try_lock
from config.embedded.postgres import DATABASE, PORT, ROLE, Postgres
from config.embedded.servers import Server
from config.embedded.valkey import Valkey

BYTES_FREE = 64 * 1024 * 1024
BYTES_FREE_AT_FIRST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Running:
    """The servers that run inside the context of `running`."""

    servers: Sequence[Server]

    @property
    def fallen(self) -> Server | None:
        """A server that has died since the start, or None."""
        return next((server for server in self.servers if not server.is_alive), None)


def database_settings() -> dict[str, Any]:
    """Return DATABASES["default"] for the embedded PostgreSQL. Starts nothing; makes the home if it is missing."""
    place = remembered_place(made_home())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": ROLE,
        "PASSWORD": "",
        "HOST": str(place.postgres_sockets),
        "PORT": PORT,
    }


def redis_url() -> str:
    """Return the embedded Valkey's address for redis-py: `unix:///…/valkey.sock?db=0`. Starts nothing."""
    place = remembered_place(made_home())
    return f"unix://{place.valkey_sockets / 'valkey.sock'}?db=0"


@contextmanager
def running(*, durable: bool = True) -> Iterator[Running]:
    """Start or adopt the servers that DATABASE_URL and REDIS_URL do not replace, and stop them after the last user.

    Any number of processes share the servers of a home. Each holds a shared lock on it, which the kernel releases when
    the process dies. Without `durable` a power failure may destroy the data (for tests).
    Raises EmbeddedError if a server does not start.
    """
    wanted = [kind for kind, url in ((Postgres, "DATABASE_URL"), (Valkey, "REDIS_URL")) if url not in os.environ]
    if not wanted:
        yield Running([])
        return
    home = made_home()
    place = remembered_place(home)
    servers = [kind(home, place, durable=durable) for kind in wanted]
    with opened(home / "needed.lock") as needed:
        try:
            with exclusive(home / "start.lock"):
                is_alone = try_lock(needed, fcntl.LOCK_EX)
                fcntl.flock(needed, fcntl.LOCK_SH)
                _start(home, servers, is_alone=is_alone)
            yield Running(servers)
        finally:
            with exclusive(home / "start.lock"):
                if try_lock(needed, fcntl.LOCK_EX):
                    stop_servers(home)
            for server in servers:
                server.let_go()


def _start(home: Path, servers: Sequence[Server], *, is_alone: bool) -> None:
    with plain_errors(home):
        _refuse_full_disk(home)
        for server in servers:
            server.launch(is_alone=is_alone)
        for server in servers:
            server.await_ready()
            if isinstance(server, Postgres):
                server.make_database()


def stop_servers(home: Path) -> None:
    """Stop all servers of the home, including one that this process did not use."""
    with plain_errors(home):
        place = remembered_place(home)
        for kind in (Valkey, Postgres):
            kind(home, place, durable=True).stop()


def _refuse_full_disk(home: Path) -> None:
    needed = BYTES_FREE if (home / "valkey").exists() else BYTES_FREE_AT_FIRST
    free = shutil.disk_usage(home).free
    if free < needed:
        raise EmbeddedError(
            f"The disk that holds {home} is full: {free // 2**20} MB are free, {needed // 2**20} MB are needed. "
            "Make room, or set TALLYDESK_HOME to a folder on another disk."
        )
