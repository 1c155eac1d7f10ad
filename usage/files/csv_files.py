"""Read a CSV file: its header, the whole file for COPY if the database reads it alike, or its rows one by one."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from usage.files.csv_dialects import Dialect, dialect_of
from usage.files.csv_quoting import MAX_ROW, QUOTING, NotPlainError
from usage.files.errors import FileNotice, refusal

CHUNK = 1 << 18
# No real header is wider, and each of its columns may be an error of its own.
MAX_COLUMNS = 1000
# What stands for bytes that are no text; `surrogateescape` supports only UTF-8, so UTF-16 gets one mark for them all.
_UNREADABLE = re.compile("[\udc80-\udcff]")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# How many characters are kept of a row whose cells cannot be told apart.
_KEPT = 1000
_ERRORS = {"utf-8": "surrogateescape", "utf-16-le": "unreadable", "utf-16-be": "unreadable"}


def _mark_unreadable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("unreadable", _mark_unreadable)


@dataclass(frozen=True)
class UnreadableRow:
    """Why a row cannot be used, and its cells as far as they can be stored; cells not told apart are one."""

    reason: str
    cells: list[str]


class CsvFile:
    """A seekable CSV file: UTF-8 or UTF-16, with commas, semicolons or tabs.

    `is_numbered`: the first column is not part of the table but the row number that a spreadsheet shows, and no row is
    blank.

    `notices`: what is valid and unusual about the file that these rows come from.
    """

    def __init__(self, file: BinaryIO, *, is_numbered: bool = False, notices: Sequence[FileNotice] = ()) -> None:
        """Raise FileRefusedError if the file is recognizably no CSV file."""
        self.notices = list(notices)
        self.file = file
        self.is_numbered = is_numbered
        self.dialect = Dialect("utf-8", 0, ",") if is_numbered else dialect_of(file)

    def header(self) -> list[str]:
        """Return the cells of the header row. Raise FileRefusedError if it is missing or unreadable."""
        first = next(self.records(), None)
        if first is None:
            raise refusal("The file is empty; it needs a header row with the names of the columns.")
        line, cells = first
        if isinstance(cells, UnreadableRow):
            raise refusal(f"The header row cannot be read: {cells.reason}", line=line)
        if line > 1:
            raise refusal("The first row is blank; it must be the header, with the names of the columns.")
        if len(cells) > MAX_COLUMNS:
            raise refusal(
                f"The first row has {len(cells):,} cells; it must be the header, with the names of the columns."
            )
        if len(cells) == 1 and "|" in cells[0]:
            raise refusal("The columns are separated by bars; they must be separated by commas, semicolons or tabs.")
        return cells

    def records(self) -> Iterator[tuple[int, list[str] | UnreadableRow]]:
        """Yield (line, cells) for each row that is not blank, the header first.

        Raise FileRefusedError when a quotation mark is never closed.
        """
        self.file.seek(self.dialect.start)
        text = io.TextIOWrapper(self.file, self.dialect.encoding, errors=_ERRORS[self.dialect.encoding], newline="")
        lines = _Lines(text)
        reader = csv.reader(lines, strict=True, delimiter=self.dialect.delimiter)
        line = 0
        try:
            while True:
                line += 1
                lines.begin_row()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    row = _storable(lines.row.rstrip("\r\n")[:_KEPT])
                    yield line, UnreadableRow(_unreadable(str(error), line), [row])
                    continue
                if self.is_numbered:
                    line = int(cells.pop(0))
                if cells:
                    fault = self._fault(cells)
                    yield line, UnreadableRow(fault, [_storable(cell) for cell in cells]) if fault else cells
        finally:
            text.detach()

    def _fault(self, cells: Sequence[str]) -> str | None:
        row = "".join(cells)
        if "\x00" in row:
            return "The row contains a NUL character."
        if not row.isascii() and _UNREADABLE.search(row):
            return f"The row has bytes that are not {self.dialect.encoding_name}. Save the file as CSV (UTF-8)."
        return None

    def plain_chunks(self) -> Iterator[bytes]:
        """Yield the file, header included, in UTF-8 and in pieces for COPY.

        Raise NotPlainError where COPY would read the file differently: it lets a quotation mark open anywhere in a
        cell, and before PostgreSQL 18 takes a line of `\\.` for the end.
        """
        quoting = QUOTING[self.dialect.delimiter]
        carried = b""
        for chunk in self._chunks():
            if len(chunk) * 2 >= CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                raise NotPlainError
            checked = carried + chunk
            if b"\\." in checked:
                raise NotPlainError
            carried = quoting.unfinished(checked)
            yield chunk
        if b'"' in quoting.unfinished(carried + b"\n"):
            raise NotPlainError

    def _chunks(self) -> Iterator[bytes]:
        self.file.seek(self.dialect.start)
        if self.dialect.encoding == "utf-8":
            while chunk := self.file.read(CHUNK):
                yield chunk
            return
        decoder = codecs.getincrementaldecoder(self.dialect.encoding)()
        try:
            while data := self.file.read(CHUNK):
                yield decoder.decode(data).encode()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise NotPlainError from error


class _Lines:
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
        if len(self.row) < _KEPT:
            self.row += line
        return line


def _storable(text: str) -> str:
    """Return the text with U+FFFD for each character that the database cannot store."""
    return _NOT_STORABLE.sub("\ufffd", text)


def _unreadable(error: str, line: int) -> str:
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
