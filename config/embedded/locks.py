"""File locks that the kernel releases when their holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.errors import EmbeddedError

_held: set[int] = set()


def _let_go_in_child() -> None:
    """Close a forked child's copies of its parent's locks, so that only the parent holds them."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Yield the descriptor of a lock file, which neither a forked child nor an executed program inherits."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"Tallydesk cannot use its home {path.parent}: {error.strerror} ({path.name}).") from error
    _held.add(descriptor)
    try:
        yield descriptor
    finally:
        if descriptor in _held:
            _held.discard(descriptor)
            os.close(descriptor)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for this lock, and hold it inside the context."""
    with opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock of this kind (LOCK_SH, LOCK_EX) without waiting. Return whether that succeeded."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Return whether some process holds this lock exclusively."""
    with opened(path) as descriptor:
        return not try_lock(descriptor, fcntl.LOCK_SH)
