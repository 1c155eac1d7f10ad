"""Errors of a file, worded for people: of one row, or of the file as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowError:
    """An error in a file: the row number that a spreadsheet shows (the header is row 1), column, value, and a sentence.

    Column and value are empty if the error concerns the whole row.
    """

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class FileNotice:
    """Something valid and unusual in a file: the row number as in `RowError`, column, value, and a sentence.

    Row 0 is the file as a whole. Column and value are empty if the notice concerns more than one cell.
    """

    line: int
    column: str
    value: str
    reason: str


class FileRefusedError(Exception):
    """The file as a whole cannot be used; `errors` says why. `rows` is how many rows after the header were read."""

    def __init__(self, *errors: RowError, rows: int = 0) -> None:
        first = errors[0]
        super().__init__(f"{first.column}: {first.reason}" if first.column else first.reason)
        self.errors = errors
        self.rows = rows


def refusal(reason: str, *, line: int = 1, rows: int = 0) -> FileRefusedError:
    """Return the error that refuses the whole file, found at this row."""
    return FileRefusedError(RowError(line, "", "", reason), rows=rows)
