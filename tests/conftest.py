"""What every test stands on: the embedded servers run once, started by the process that the workers belong to."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from config import settings as product
from config.embedded import EmbeddedError, running
from jobs import heartbeat
from jobs.broker import circuit
from tests.databases import use_a_migrated_copy
from tests.emptying import Emptying
from tests.profiles import load_profile, race_rounds, tried

pytest_plugins = [
    "tests.scheduling",
    "tests.fixtures.clock",
    "tests.fixtures.customers",
    "tests.fixtures.storage",
    "tests.fixtures.processes",
    "tests.fixtures.webhooks",
]

SERVERS = pytest.StashKey[ExitStack]()
SAVING_FIXTURES = {"transactional_db", "django_db_reset_sequences", "live_server"}
STARTING_FIXTURES = {"broker", "home", "page", "processes", "server"}
STARTING_FOLDERS = {"browser", "faults", "setup"}

load_profile()


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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        starts = STARTING_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if starts or item.path.parent.name in STARTING_FOLDERS:
            item.add_marker(pytest.mark.processes)
    kept = tried(items)
    config.hook.pytest_deselected(items=set(items) - set(kept))
    items[:] = kept


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each race several times: a few in the gate, many in `make soak`."""
    if metafunc.definition.get_closest_marker("race"):
        metafunc.fixturenames.append("race_round")
        metafunc.parametrize("race_round", range(race_rounds()), ids=lambda number: f"round{number}")


def pytest_collection_finish() -> None:
    """What all modules and tests are made of stays until the end: the collector of garbage need not look at it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The database is copied from a migrated one."""
    with django_db_blocker.unblock():
        use_a_migrated_copy()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database that tests which save their rows for good leave as they found it."""
    with django_db_blocker.unblock():
        emptying = Emptying()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: emptying.empty())
        yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # A thread or process that is just ending would keep the database from being removed.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


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
    """In a test that is rolled back, a heartbeat on its own connection finds no job: there it does not look.

    In the others it looks five times as often, so that nobody waits for it.
    """
    marker = request.node.get_closest_marker("django_db")
    saves = marker is not None and marker.kwargs.get("transaction", False)
    with pytest.MonkeyPatch.context() as patch:
        if saves or SAVING_FIXTURES.intersection(request.fixturenames):
            patch.setattr(heartbeat, "PROGRESS_SECONDS", heartbeat.PROGRESS_SECONDS / 5)
            patch.setattr(heartbeat, "GLANCE_SECONDS", heartbeat.GLANCE_SECONDS / 5)
        else:
            patch.setattr(heartbeat, "PROGRESS_SECONDS", 3600)
        yield
