"""What a file format declares: its name, how it writes the rows of a query, and how it reads them back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reports.engine.report_type import Column
from reports.engine.rows import Rows

Progress = Callable[[int], None]
Write = Callable[[Rows, BinaryIO, Progress], int]
Cells = list[str | None]
Read = Callable[[BinaryIO, tuple[Column, ...]], Iterator[Cells]]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format of files.

    `write(rows, target, progress)` writes the rows to the target in constant memory, calls `progress` after each row
    or some hundreds of them with the rows so far, and returns their number. `write_with_totals`, of a format that has a
    place for them, does the same and adds the control totals. `read(source, columns)` reads what was written, in
    constant memory: of each row the cells as the CSV has them, None for an empty one; the source can seek. The slug is
    the ending of the file's name too. Lists show the formats by `place`, those without one last.
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
        """Whether there is a place for the control totals in its files."""
        return self.write_with_totals is not None
