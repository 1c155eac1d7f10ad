"""What a file format declares: its name, how it writes the rows of a query, and how it reads them back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reports.engine.report_type import ReportColumn
from reports.engine.rows import OnProgress, ReportRows

Write = Callable[[ReportRows, BinaryIO, OnProgress], int]
Cells = list[str | None]
"""The cells of one row as text of CSV; None for an empty one."""
Read = Callable[[BinaryIO, tuple[ReportColumn, ...]], Iterator[Cells]]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format of files.

    `write(rows, target, on_progress)` writes the rows to the target in constant memory and returns their number. It
    calls `on_progress` with the number of rows so far, after each row or after each few hundred. `write_with_totals`,
    of a format with a place for control totals, does the same and adds them.

    `read(source, columns)` yields the `Cells` of each row of a file that `write` wrote, in constant memory. The source
    must be able to seek.

    The slug is also the ending of file names. Lists show formats by `place`; those without one come last.
    """

    slug: str
    title: str
    content_type: str
    write: Write
    read: Read
    write_with_totals: Write | None = None
    place: int = 100

    @property
    def holds_totals(self) -> bool:
        """Whether its files have a place for the control totals."""
        return self.write_with_totals is not None
