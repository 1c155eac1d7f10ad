"""What a file format declares: its name, and how it writes the rows of a query."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from django.db.backends.base.base import BaseDatabaseWrapper

from reports.report_type import Query

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format of files.

    `write(connection, query, target, progress)` writes the rows of the query to the target in constant memory, calls
    `progress` after each row, or a few of them, with the rows so far, and returns the number of rows. The slug is the
    ending of the file's name too. Lists show the formats by
    `place`, those without one last.
    """

    slug: str
    title: str
    content_type: str
    write: Callable[[BaseDatabaseWrapper, Query, BinaryIO, Progress], int]
    place: int = 100
