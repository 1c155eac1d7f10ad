"""Who watches over work on an upload: is told what it is at and how far it is, and may stop it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """What a worker is at. Reading counts bytes, the others rows."""

    READING = "reading"
    CHECKING = "checking"
    APPLYING = "applying"
    UNDOING = "undoing"


class Watcher(Protocol):
    """An attempt at a job, or whoever else wants to know."""

    def expect(self, rows: int | None, *, phase: str = "", measured: Callable[[], int] | None = None) -> None:
        """So much is to come; `measured` counts what is done, and is called by another thread."""

    def progress(self, rows: int) -> None:
        """So much is done. Raises when there is no use in going on."""


class Nobody:
    """Watches, and does nothing."""

    def expect(self, rows: int | None, *, phase: str = "", measured: Callable[[], int] | None = None) -> None:
        """Nothing."""

    def progress(self, rows: int) -> None:
        """Nothing."""
