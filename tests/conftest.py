"""What every test stands on: the embedded servers run once, started by the process that the workers belong to."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from config.embedded import EmbeddedError, running
from jobs.broker import circuit

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


@pytest.fixture(autouse=True)
def broker_that_is_asked() -> Iterator[None]:
    """A broker that did not answer in one test is asked again in the next."""
    yield
    circuit.forget()
