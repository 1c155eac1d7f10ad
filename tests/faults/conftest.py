"""Processes for a test, and files in a folder of its own."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.faults.processes import Broker, Processes


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The broker that this process publishes through, too. The path of a socket has to be short."""
    with tempfile.TemporaryDirectory(prefix="td-", dir="/tmp") as folder:
        broker = Broker(Path(folder))
        with Celery("the test's", set_as_current=False) as celery:
            celery.config_from_object("django.conf:settings", namespace="CELERY")
            celery.conf.update(broker_url=f"redis+socket://{broker.socket}?virtual_host=0")
            monkeypatch.setattr("jobs.publishing.current_app", celery)
            yield broker
        broker.kill()


@pytest.fixture
def processes(broker: Broker, tmp_path: Path, settings: Any, transactional_db: None) -> Iterator[Processes]:
    """Starts workers; shows what they said when the test fails."""
    settings.FILES_ROOT = tmp_path / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            **settings.STORAGES["default"],
            "OPTIONS": {**settings.STORAGES["default"]["OPTIONS"], "location": settings.FILES_ROOT},
        },
    }
    processes = Processes(tmp_path, broker)
    try:
        yield processes
    finally:
        processes.end()
        sys.stdout.write(processes.logs())  # pytest shows it when the test fails
