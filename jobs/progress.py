"""How work says how far it is: to the attempt at a job that it belongs to, or to nobody."""

from collections.abc import Callable
from typing import Protocol


class ProgressReporter(Protocol):
    """Receives the progress of one piece of work; an `Attempt` is one."""

    def expect(self, rows: int | None, *, phase: str = "", measure: Callable[[], int] | None = None) -> None:
        """Start counting from 0 towards this many rows, None if unknown; `phase` names what is being done.

        Where the work is one long statement that cannot report, `measure` returns the rows done so far. It is called
        from another thread.
        """

    def report_rows(self, rows: int) -> None:
        """Record that this many rows are done. Raises when the work is to stop."""


class NullReporter:
    """Ignores all progress."""

    def expect(self, rows: int | None, *, phase: str = "", measure: Callable[[], int] | None = None) -> None:
        pass

    def report_rows(self, rows: int) -> None:
        pass
