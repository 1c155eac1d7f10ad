"""Temporary folders that do not pile up: the next process deletes what a killed one left behind."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# How long a new folder may exist before the process that made it holds its lock.
GRACE_SECONDS = 60


@contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """Create a folder in the system's temporary place and delete it at the end.

    Folders with this prefix that killed processes left behind are deleted first. A process holds a lock on its folder;
    the lock ends with the process, however that ends.
    """
    _delete_left_over(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, _locked(Path(folder)):
        yield folder


def _delete_left_over(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # in use, another user's, or already deleted
            if folder.stat().st_mtime < time.time() - GRACE_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises BlockingIOError if another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
