"""What every test stands on: the embedded servers run once, started by the process that the workers belong to."""

from contextlib import ExitStack

import pytest

from config.embedded import EmbeddedError, running

SERVERS = pytest.StashKey[ExitStack]()


def pytest_sessionstart(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):  # a worker of pytest-xdist
        return
    servers = session.config.stash.setdefault(SERVERS, ExitStack())
    try:
        servers.enter_context(running(durable=False))
    except EmbeddedError as error:
        pytest.exit(str(error), returncode=1)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash.setdefault(SERVERS, ExitStack()).close()
