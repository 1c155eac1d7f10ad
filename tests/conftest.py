"""What every test stands on: the embedded servers run once, started by the process that the workers belong to."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from config.embedded import EmbeddedError, running
from jobs.broker import circuit
from tests.emptying import Emptying

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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database that tests which save their rows for good leave as they found it."""
    with django_db_blocker.unblock():
        emptying = Emptying()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: emptying.empty())
        yield


@pytest.fixture(autouse=True)
def broker_that_is_asked() -> Iterator[None]:
    """A broker that did not answer in one test is asked again in the next."""
    yield
    circuit.forget()
