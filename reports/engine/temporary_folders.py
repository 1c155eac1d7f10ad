"""Temporary folders that outlive nobody: what a killed process leaves behind, the next one deletes."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# So long a folder may be without the lock of who has just made it.
GRACE_SECONDS = 60


@contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """A folder in the system's place for such, gone at the end; first those of killed processes are deleted.

    Who has a folder holds a lock on it, which ends with the process however that ends.
    """
    _delete_left_over(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, _locked(Path(folder)):
        yield folder


def _delete_left_over(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # in use, another's, or deleted meanwhile
            if folder.stat().st_mtime < time.time() - GRACE_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """BlockingIOError when another process holds the lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
