"""A storage for the files of each test."""

import pytest


@pytest.fixture(autouse=True)
def _storage_of_the_test(files_root: None) -> None:
    """Jobs write files."""
