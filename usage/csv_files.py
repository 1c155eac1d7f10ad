"""Reading a CSV file: its header, whether the database may read it as it is, and its rows one by one if not."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

CHUNK = 1 << 18
# No honest row is longer; without a limit, one line would fill the memory.
MAX_ROW = 1_000_000
# Everything up to the last quoted cell, if every cell is quoted as a whole or not at all. No quantifier is possessive,
# though nothing needs to be tried twice: before Python 3.11.5 those match what they must not.
_WELL_QUOTED = re.compile(rb'(?:[^"]*(?<![^,\r\n])"[^"]*(?:""[^"]*)*"(?=[,\r\n]))*')
_CLOSED_TOO_EARLY = re.compile(rb'"[^"]*(?:""[^"]*)*"[^"]')


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


class NotPlainError(Exception):
    """The database would read the file otherwise than a spreadsheet does, or not at all."""


def refusal(reason: str, *, line: int = 1, rows: int = 0) -> FileRefusedError:
    """A verdict on the whole file, found at a row."""
    return FileRefusedError(RowError(line, "", "", reason), rows=rows)


def refuse_other_formats(file: BinaryIO) -> None:
    """Raise FileRefusedError for what is no CSV in UTF-8 at first sight. Leaves the file at the header, past a BOM."""
    file.seek(0)
    start = file.read(4096)
    if not start.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise refusal("The file is empty; it needs a header row with the names of the columns.")
    if start.startswith(b"PK\x03\x04"):
        raise refusal("This is an XLSX file (or another ZIP archive). Save it as CSV (UTF-8) and upload that.")
    if start.startswith((b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")):
        raise refusal(
            "This is no CSV file but a document or an archive. Save the table as CSV (UTF-8) and upload that."
        )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start[:64].count(0) > 8:
        raise refusal("The file is not in UTF-8 (it looks like UTF-16). Save it as CSV (UTF-8) and upload that.")
    file.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)


def records(file: BinaryIO) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) for each row that is not blank, the header first; for an unreadable row a sentence for cells.

    Raises FileRefusedError when a quotation mark is never closed.
    """
    refuse_other_formats(file)
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    reader = csv.reader(_lines(text), strict=True)
    line = 0
    try:
        while True:
            line += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, _unreadable(str(error), line)
                continue
            if cells:
                yield line, _fault(cells) or cells
    finally:
        text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_ROW):
        if len(line) == MAX_ROW:
            raise refusal(f"A line of the file has more than {MAX_ROW:,} characters; no row is that long.")
        yield line


def _unreadable(error: str, line: int) -> str:
    if "unexpected end of data" in error or "field larger" in error:
        raise refusal(
            f'A quotation mark (") opens in row {line} and is never closed: the rows after it cannot be told apart.',
            line=line,
            rows=max(line - 1, 0),
        )
    return 'A quotation mark (") stands inside a quoted cell; write it twice, or remove it.'


def _fault(cells: Sequence[str]) -> str | None:
    row = "".join(cells)
    if "\x00" in row:
        return "The row contains a NUL character."
    if not row.isascii() and any("\udc80" <= character <= "\udcff" for character in row):
        return "The row has bytes that are not UTF-8. Save the file as CSV (UTF-8)."
    return None


def read_header(file: BinaryIO) -> list[str]:
    """The cells of the header row. Raises FileRefusedError where there is none that can be read."""
    first = next(records(file), None)
    if first is None:
        raise refusal("The file is empty; it needs a header row with the names of the columns.")
    line, cells = first
    if isinstance(cells, str):
        raise refusal(f"The header row cannot be read: {cells}", line=line)
    if line > 1:
        raise refusal("The first row is blank; it must be the header, with the names of the columns.")
    if len(cells) == 1 and (found := next((mark for mark in ";\t|" if mark in cells[0]), None)):
        mark = {";": "semicolons", "\t": "tabs", "|": "bars"}[found]
        raise refusal(f"The columns are separated by {mark}; they must be separated by commas.")
    return cells


def plain_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file, header included, in pieces for COPY. Raises NotPlainError at what COPY would read otherwise than we do.

    COPY lets a quotation mark open anywhere in a cell, and before PostgreSQL 18 takes a line of `\\.` for the end.
    """
    refuse_other_formats(file)
    carried = b""
    while chunk := file.read(CHUNK):
        if len(chunk) == CHUNK and b"\n" not in chunk and b"\r" not in chunk:
            raise NotPlainError
        checked = carried + chunk
        if b"\\." in checked:
            raise NotPlainError
        carried = _unfinished(checked)
        yield chunk
    if b'"' in _unfinished(carried + b"\n"):
        raise NotPlainError


def _unfinished(data: bytes) -> bytes:
    """The end of the data that cannot be judged before more is read: a quoted cell that may go on."""
    if b'"' not in data:
        return data[-1:]
    match = _WELL_QUOTED.match(data)
    end = match.end() if match else 0
    opening = data.find(b'"', end)
    if opening < 0:
        return data[-1:]
    is_at_start = opening == 0 or data[opening - 1 : opening] in (b",", b"\n", b"\r")
    is_closed = _CLOSED_TOO_EARLY.match(data, opening)
    if not is_at_start or is_closed or len(data) - opening > MAX_ROW:
        raise NotPlainError
    return data[max(opening - 1, 0) :]
