"""A storage for the files of each test."""

import pytest


@pytest.fixture(autouse=True)
def _storage_of_the_test(files_root: None) -> None:
    """Keep the files that jobs write in a folder of the test."""
