"""What is wrong with a file, told to a person: one row of it, or the file as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowError:
    """Something wrong in a file: the row a spreadsheet shows (the header is row 1), column, value, and a sentence.

    Column and value are empty where the whole row is meant.
    """

    line: int
    column: str
    value: str
    reason: str


class FileRefusedError(Exception):
    """The file as a whole cannot be used; `errors` says why. `rows` of it, after the header, were seen."""

    def __init__(self, *errors: RowError, rows: int = 0) -> None:
        first = errors[0]
        super().__init__(f"{first.column}: {first.reason}" if first.column else first.reason)
        self.errors = errors
        self.rows = rows


def refusal(reason: str, *, line: int = 1, rows: int = 0) -> FileRefusedError:
    """A verdict on the whole file, found at a row."""
    return FileRefusedError(RowError(line, "", "", reason), rows=rows)
