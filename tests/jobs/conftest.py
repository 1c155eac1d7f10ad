"""A storage for the files of each test."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def files_root(tmp_path: Path, settings: Any) -> Path:
    """Where the default storage keeps its files during a test."""
    default = settings.STORAGES["default"]
    options = {**default["OPTIONS"], "location": tmp_path / "files"}
    settings.STORAGES = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
    return tmp_path / "files"
