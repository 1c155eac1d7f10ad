"""/healthz and /readyz: a probe learns which part fails, and nothing else."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.test import Client

from config import database
from config.monitoring import readiness
from config.monitoring.questions import Question
from jobs.models import PeriodicTask
from jobs.sweep import SWEEP
from jobs.tasks import sweep
from tests.processes import Broker
from tests.waiting import GUARD_SECONDS, guarded

WELL = {"status": "ok"}
PATIENCE = {
    "config.database.CONNECT_SECONDS": database.CONNECT_SECONDS,
    "config.monitoring.readiness.BROKER_SECONDS": readiness.BROKER_SECONDS,
    "config.monitoring.readiness.DATABASE_SECONDS": readiness.DATABASE_SECONDS,
    "config.monitoring.readiness.PATIENCE_SECONDS": readiness.PATIENCE_SECONDS,
}


@pytest.fixture(autouse=True)
def fresh_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Yield checks without cached results, which run anew each time."""
    for name in readiness.CHECKS:
        anew = Question(name, getattr(readiness, f"check_{name}"), fresh_seconds=0)
        monkeypatch.setitem(readiness.CHECKS, name, anew)
    readiness._refuse_pending_migrations.cache_clear()
    for name, seconds in PATIENCE.items():  # on a busy machine healthy parts answer late
        monkeypatch.setattr(name, 20 * seconds)


@contextmanager
def usual_patience(*names: str) -> Iterator[None]:
    """Use the product's own time-outs, which must be shorter than all others."""
    with pytest.MonkeyPatch.context() as patch, guarded("the probe is answered"):
        for name in names:
            patch.setattr(name, PATIENCE[name])
        yield


@pytest.fixture
def own_broker(tmp_path: Path, settings: Any) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    settings.REDIS_URL = broker.url
    yield broker
    broker.process.send_signal(signal.SIGCONT)
    broker.kill()


def probe(*, host: str = "testserver") -> tuple[int, dict[str, Any]]:
    response = Client(headers={"host": host}).get("/readyz")
    return response.status_code, response.json()


def failing(name: str) -> str:
    """Return the message of the only failing check."""
    status, body = probe()
    assert (status, body["status"]) == (503, "failing")
    found = body["checks"]
    assert {other for other, check in found.items() if check != WELL} == {name}
    assert found[name]["status"] == "failing"
    return str(found[name]["detail"])


def test_healthz_checks_neither_database_nor_broker(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client = Client()
    client.cookies["sessionid"] = "x" * 32
    response = client.get("/healthz")  # without a database, so a query would fail
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies


@pytest.mark.django_db(transaction=True)
def test_a_server_is_ready_when_everything_is_well() -> None:
    sweep()
    assert probe() == (200, {"status": "ok", "checks": dict.fromkeys(("database", "broker", "storage", "sweep"), WELL)})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_come_by_any_address_in_plain_http(path: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["reports.example"]
    sweep()
    client = Client(headers={"host": "10.1.2.3:8000"})
    assert client.get(path).status_code == 200
    head = client.head(path)
    assert (head.status_code, head["Cache-Control"]) == (200, "no-store")
    refused = client.post(path)
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert client.get(path + "/").status_code in {301, 400}  # other requests must follow the rules


@pytest.mark.django_db(transaction=True)
def test_probes_say_nothing_in_the_log(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    sweep()
    caplog.set_level("INFO")
    assert probe()[0] == Client().get("/healthz").status_code == 200
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_was_not_seen_of_late_is_failing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.JOB_SWEEP_SECONDS = 10
    assert failing("sweep") == "It has never been seen."
    sweep()
    assert probe()[0] == 200
    PeriodicTask.objects.filter(pk=SWEEP).update(last_ended_at=Now() - timedelta(seconds=46))
    assert failing("sweep").startswith("It was last seen ")
    for seconds, status in [(45, 200), (45.1, 503), (46, 503)]:
        age = timedelta(seconds=seconds)
        monkeypatch.setattr(type(PeriodicTask.objects), "age", lambda _tasks, _name, age=age: age)
        assert probe()[0] == status
    assert failing("sweep") == "It was last seen 46 s ago."


@pytest.mark.django_db(transaction=True)
def test_a_database_without_every_migration_is_failing() -> None:
    sweep()
    last = MigrationRecorder.Migration.objects.filter(app="jobs")
    applied = list(last.values())
    last.delete()
    try:
        assert failing("database") == "Migrations are not applied: run 'manage.py migrate'."
    finally:
        MigrationRecorder.Migration.objects.bulk_create(MigrationRecorder.Migration(**row) for row in applied)
    assert probe()[0] == 200  # a missing object is not cached


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_frozen_or_away_is_failing(own_broker: Broker) -> None:
    sweep()
    assert probe()[0] == 200
    own_broker.process.send_signal(signal.SIGSTOP)
    with usual_patience("config.monitoring.readiness.BROKER_SECONDS"):
        assert failing("broker") == "It cannot be reached."
    own_broker.process.send_signal(signal.SIGCONT)
    assert probe()[0] == 200
    own_broker.kill()
    assert failing("broker") == "It cannot be reached."


def test_a_frozen_database_is_failing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen_server:  # accepts connections and never answers
        host, port = frozen_server.getsockname()
        frozen = {"HOST": host, "PORT": port, "PASSWORD": "correct horse battery staple"}
        monkeypatch.setitem(connections.settings, "default", connection.settings_dict | frozen)
        with usual_patience("config.database.CONNECT_SECONDS", "config.monitoring.readiness.DATABASE_SECONDS"):
            response = Client().get("/readyz")
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert checks["database"] == checks["sweep"] == {"status": "failing", "detail": "It cannot be reached."}
    assert checks["broker"] == checks["storage"] == WELL
    for secret in (host, str(port), "correct horse", "tallydesk", "Traceback"):
        assert secret not in response.content.decode()


def test_a_storage_that_cannot_be_written_is_failing(tmp_path: Path, settings: Any) -> None:
    blocked = tmp_path / "no folder"
    blocked.write_text("")
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": blocked / "files"}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    assert readiness.failings()["storage"] == "Files cannot be written."
    blocked.unlink()
    assert readiness.failings()["storage"] is None
    if os.geteuid() != 0:  # root may write everywhere
        blocked.mkdir(mode=0o500)
        assert readiness.failings()["storage"] == "Files cannot be written."


class AbsentStorage(InMemoryStorage):
    """Return a storage whose server is unreachable, or whose bucket is unknown."""

    def exists(self, name: str) -> bool:
        raise RuntimeError("no route to storage.internal")


def test_readiness_checks_a_remote_storage_by_a_file(settings: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.AbsentStorage"}}
    assert readiness.failings()["storage"] == "It cannot be reached."
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    assert readiness.failings()["storage"] is None


def test_a_check_that_hangs_is_failing_in_time_and_hangs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    begun: list[None] = []

    def hang() -> None:
        begun.append(None)
        released.wait(GUARD_SECONDS)

    assert PATIENCE["config.monitoring.readiness.PATIENCE_SECONDS"] <= 3
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "CHECKS", {"storage": Question("storage", hang, fresh_seconds=0)})
    try:
        for _ in range(3):
            assert readiness.failings() == {"storage": "No answer within 0.2 s."}
        assert len(begun) == 1
    finally:
        released.set()
