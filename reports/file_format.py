"""What a file format declares: its name, and how it writes the rows of a query."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from reports.rows import Rows

Progress = Callable[[int], None]
Write = Callable[[Rows, BinaryIO, Progress], int]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format of files.

    `write(rows, target, progress)` writes the rows to the target in constant memory, calls `progress` after each row,
    or a few of them, with the rows so far, and returns their number. `write_with_totals`, of a format that has a place
    for them, does the same and adds the control totals. The slug is the ending of the file's name too. Lists show the
    formats by `place`, those without one last.
    """

    slug: str
    title: str
    content_type: str
    write: Write
    write_with_totals: Write | None = None
    place: int = 100
