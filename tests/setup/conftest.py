"""Homes of their own for these tests: they stop, kill and break servers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.reset import remove_home


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may pass through; homes in it are removed with their servers and refuges."""
    folder = Path(tempfile.mkdtemp(prefix="tallydesk-test-"))
    folder.chmod(0o711)
    yield folder
    folder.chmod(0o711)
    for place in list(folder.glob("**/place.json")):
        remove_home(place.parent)
    shutil.rmtree(folder)


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home, which `config.embedded` uses from now on; it does not exist yet."""
    home = folder / "home"
    monkeypatch.setenv("TALLYDESK_HOME", str(home))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return home


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
