"""How a job learns of worker shutdown: one byte that the worker shares with the processes that it forks.

On SIGTERM a Celery worker waits for its processes to finish their tasks, and does not notify them. A report may take
many minutes; this byte lets its job be released at once. Writing it is safe in a signal handler.
"""

import mmap
from typing import Any

_shared = mmap.mmap(-1, 1)


def request(**_signal: Any) -> None:
    """Stop every job of this worker. Receives Celery's signal `worker_shutting_down`."""
    _shared[0] = 1


def is_requested() -> bool:
    """Return whether this process's worker is shutting down."""
    return _shared[0] == 1


def forget() -> None:
    """Withdraw the request, in a process that outlives its worker (as in tests)."""
    _shared[0] = 0
