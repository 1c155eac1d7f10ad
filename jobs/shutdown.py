"""How a job learns that its worker is to stop: one byte that the worker shares with the processes it forks.

On SIGTERM a worker waits for its processes to finish what they have, and tells them nothing. A report may take many
minutes; this byte lets it be handed over at once. Writing it is safe in a signal handler.
"""

import mmap
from typing import Any

_shared = mmap.mmap(-1, 1)


def request(**_signal: Any) -> None:
    """Tell every job of this worker; a receiver of Celery's `worker_shutting_down`."""
    _shared[0] = 1


def is_requested() -> bool:
    """Whether this process's worker is to stop."""
    return _shared[0] == 1


def forget() -> None:
    """Forget the announcement (a process that outlives its worker, as in tests)."""
    _shared[0] = 0
