"""How work reports its progress: to the attempt that it belongs to, or to nothing at all."""

from collections.abc import Callable
from typing import Protocol


class ProgressReporter(Protocol):
    """Receives the progress of one piece of work. `jobs.running.Attempt` is one."""

    def expect(self, rows: int | None, *, phase: str = "", measure: Callable[[], int] | None = None) -> None:
        """Start counting from 0 towards this many rows, None if unknown; `phase` names what is being done.

        Where the work is one long statement that cannot report, `measure` returns the rows done so far. It is called
        from another thread.
        """

    def report_rows(self, rows: int) -> None:
        """Record that this many rows are done. Raises if the work must stop."""


class NullReporter:
    """Discards all progress, for work outside of any job."""

    def expect(self, rows: int | None, *, phase: str = "", measure: Callable[[], int] | None = None) -> None:
        pass

    def report_rows(self, rows: int) -> None:
        pass
