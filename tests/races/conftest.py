"""A storage for the files of each test, and no tables of uploads that no longer exist."""

import pytest

from usage.staging.staged_tables import drop_abandoned_tables


@pytest.fixture(autouse=True)
def _storage_of_the_test(files_root: None) -> None:
    """Uploads and reports have files."""


@pytest.fixture(autouse=True)
def _no_tables_of_other_tests(transactional_db: None) -> None:
    drop_abandoned_tables()
