"""Separate homes for these tests, which stop, kill and break servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.clusters import copy_migrated_cluster, folder_of_homes


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return the folder for the homes of these tests."""
    with folder_of_homes() as folder:
        yield folder


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh home, which `config.embedded` uses from now on; it does not exist yet."""
    home = folder / "home"
    monkeypatch.setenv("TALLYDESK_HOME", str(home))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return home


@pytest.fixture
def used_home(home: Path) -> Path:
    """Return a used home: it has a database with every migration."""
    home.mkdir(mode=0o711)
    copy_migrated_cluster(home / "postgres")
    return home


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
