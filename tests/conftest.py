"""What every test stands on: the embedded servers run once, started by the process that the workers belong to."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from pytest_django import DjangoDbBlocker

from config import settings as product
from config.embedded import EmbeddedError, running
from jobs import heartbeat
from jobs.broker import circuit
from tests.emptying import Emptying

SERVERS = pytest.StashKey[ExitStack]()
SAVING_FIXTURES = {"transactional_db", "django_db_reset_sequences", "live_server"}

# How long one example takes tells of the machine: an example that took long would be taken for a mistake of the code.
hypothesis.settings.register_profile(
    "any machine", hypothesis.settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


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


@pytest.fixture
def impatient(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more patience with Redis than the product has, here and in processes that the test starts."""
    monkeypatch.setenv("TALLYDESK_TEST_IMPATIENT", "1")
    settings.LIMITS_PATIENCE_SECONDS = product.LIMITS_PATIENCE_SECONDS
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = product.CELERY_BROKER_TRANSPORT_OPTIONS


@pytest.fixture(autouse=True)
def heartbeat_that_sees_the_job(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a test that is rolled back, a heartbeat on its own connection finds no job: there it does not look."""
    marker = request.node.get_closest_marker("django_db")
    saves = marker is not None and marker.kwargs.get("transaction", False)
    with pytest.MonkeyPatch.context() as patch:
        if not saves and not SAVING_FIXTURES.intersection(request.fixturenames):
            patch.setattr(heartbeat, "PROGRESS_SECONDS", 3600)
        yield
