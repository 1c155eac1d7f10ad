"""Read the lines of a CSV file within limits, and say what is wrong with those that are no rows."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from usage.files.csv_quoting import MAX_ROW
from usage.files.errors import refusal

# How many characters are kept of a row whose cells cannot be told apart.
KEPT = 1000
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


class Beginning(io.RawIOBase):
    """The beginning of a file, through the byte before `end`."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self.file, self.end = file, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(min(len(buffer), max(self.end - self.file.tell(), 0)))
        buffer[: len(data)] = data
        return len(data)


class Lines:
    """The lines of a file, with the beginning of the current row. Lines and rows that are too long are refused."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.begin_row()

    def begin_row(self) -> None:
        """Start a new row, forgetting the last one."""
        self.row, self.length = "", 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_ROW)
        if not line:
            raise StopIteration
        if len(line) == MAX_ROW:
            raise refusal(f"A line of the file has more than {MAX_ROW:,} characters; no row is that long.")
        self.length += len(line)
        if self.length > MAX_ROW:
            raise refusal(
                f"A row of the file has more than {MAX_ROW:,} characters, on several lines: no row is that long, so a "
                'quotation mark (") may stand where none should.'
            )
        if len(self.row) < KEPT:
            self.row += line
        return line


def storable(text: str) -> str:
    """Return the text with U+FFFD for each character that the database cannot store."""
    return _NOT_STORABLE.sub("\ufffd", text)


def fault_of_quoting(error: str, line: int) -> str:
    """Return what is wrong with the quotation marks of a row; raise FileRefusedError if no row after it can be read."""
    if "field larger" in error:
        raise refusal(
            f"A cell of row {line} has more than {csv.field_size_limit():,} characters: no cell is that long, so a "
            'quotation mark (") may open there that is never closed.',
            line=line,
            rows=max(line - 1, 0),
        )
    if "unexpected end of data" in error:
        raise refusal(
            f'A quotation mark (") opens in row {line} and is never closed: the rows after it cannot be told apart.',
            line=line,
            rows=max(line - 1, 0),
        )
    return 'A quotation mark (") stands inside a quoted cell; write it twice, or remove it.'
