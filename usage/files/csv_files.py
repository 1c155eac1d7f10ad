"""Read a CSV file: its header, the whole file for COPY if the database reads it alike, or its rows one by one."""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, cast

from usage.files.csv_blank_rows import BlankRows, is_blank
from usage.files.csv_dialects import Dialect, dialect_of
from usage.files.csv_lines import KEPT, Beginning, Lines, fault_of_quoting, storable
from usage.files.csv_quoting import QUOTING, NotPlainError
from usage.files.errors import FileNotice, refusal

CHUNK = 1 << 18
# No real header is wider, and each of its columns may be an error of its own.
MAX_COLUMNS = 1000
# What stands for bytes that are no text; `surrogateescape` supports only UTF-8, so UTF-16 gets one mark for them all.
_UNREADABLE = re.compile("[\udc80-\udcff]")
# A text that a program wrote as a formula, so that spreadsheets keep its zeros: `="0012345"`.
_TEXT_FORMULA = re.compile(r'\s*="((?:[^"]|"")*)"\s*')
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

    `surplus` is how many columns without name or value follow the others, once `header` has been called: some programs
    end every line with a delimiter.

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
        self.width = self.surplus = 0

    def header(self) -> list[str]:
        """Return the cells of the header row. Raise FileRefusedError if it is missing or unreadable."""
        with closing(self.records()) as records:
            first = next(records, None)
            has_nameless_end = first is not None and isinstance(first[1], list) and _width(first[1]) < len(first[1])
            second = next(records, None) if has_nameless_end else None
        if first is None:
            raise refusal("The file is empty; it needs a header row with the names of the columns.")
        line, cells = first
        if isinstance(cells, UnreadableRow):
            raise refusal(f"The header row cannot be read: {cells.reason}", line=line)
        if line > 1:
            raise refusal("The first row is blank; it must be the header, with the names of the columns.")
        self._measure(cells, second[1] if second else [])
        if self.width > MAX_COLUMNS:
            raise refusal(
                f"The first row has {self.width:,} cells; it must be the header, with the names of the columns."
            )
        if len(cells) == 1 and "|" in cells[0]:
            raise refusal("The columns are separated by bars; they must be separated by commas, semicolons or tabs.")
        return cells[: self.width]

    def _measure(self, header: Sequence[str], row: "list[str] | UnreadableRow") -> None:
        """Tell the columns without names at the end from the others, unless the first row has a value there."""
        named = _width(header)
        has_value = isinstance(row, list) and _width(row) > named
        self.width = len(header) if has_value or not named else named
        self.surplus = len(header) - self.width

    def records(self) -> Generator[tuple[int, list[str] | UnreadableRow], None, None]:
        """Yield (line, cells) for each row that is not blank, the header first.

        Raise FileRefusedError when a quotation mark is never closed.
        """
        text = io.TextIOWrapper(
            self._opened(), self.dialect.encoding, errors=_ERRORS[self.dialect.encoding], newline=""
        )
        lines = Lines(text)
        # A space before an opening quotation mark is no part of the value. Our own files have no such spaces.
        reader = csv.reader(lines, strict=True, delimiter=self.dialect.delimiter, skipinitialspace=not self.is_numbered)
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
                    found = self._without_quoting(lines.row, str(error))
                    if found is None:
                        row = storable(lines.row.rstrip("\r\n")[:KEPT])
                        yield line, UnreadableRow(fault_of_quoting(str(error), line), [row])
                        continue
                    cells = found
                if self.is_numbered:
                    line = int(cells.pop(0))
                elif is_blank(lines.row, self.dialect.delimiter):
                    continue
                yield line, self._readable(cells)
        finally:
            text.detach()

    def _opened(self) -> BinaryIO:
        """Return the file at the header; if an end-of-file mark follows the rows, only what stands before it."""
        self.file.seek(self.dialect.start)
        if self.dialect.end is None:
            return self.file
        return cast("BinaryIO", io.BufferedReader(Beginning(self.file, self.dialect.end)))

    def _without_quoting(self, row: str, error: str) -> list[str] | None:
        """Return the cells of a row whose quotation marks after a space belong to the values, such as `5, "b" c`."""
        if "expected after" not in error or ' "' not in row or len(row.splitlines()) > 1:
            return None
        try:
            return next(csv.reader([row], strict=True, delimiter=self.dialect.delimiter))
        except csv.Error:
            return None

    def _readable(self, cells: list[str]) -> list[str] | UnreadableRow:
        """Return the cells as values, without the surplus ones, or why they cannot be used."""
        if self.surplus and self.width < len(cells) <= self.width + self.surplus and _width(cells) <= self.width:
            cells = cells[: self.width]
        if fault := self._fault(cells):
            return UnreadableRow(fault, [storable(cell) for cell in cells])
        if any('="' in cell for cell in cells):
            return [_formula_text(cell) for cell in cells]
        return cells

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
        cell, before PostgreSQL 18 takes a line of `\\.` for the end, and knows neither blank rows, surplus columns nor
        texts written as formulas.
        """
        if self.surplus:
            raise NotPlainError
        quoting = QUOTING[self.dialect.delimiter]
        blank_rows = BlankRows(self.dialect.delimiter)
        carried = b""
        for chunk in self._chunks():
            if len(chunk) * 2 >= CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                raise NotPlainError
            checked = carried + chunk
            if b"\\." in checked or b'=""' in checked or blank_rows.are_in(chunk):
                raise NotPlainError
            carried = quoting.unfinished(checked)
            yield chunk
        if b'"' in quoting.unfinished(carried + b"\n") or blank_rows.are_last():
            raise NotPlainError

    def _chunks(self) -> Iterator[bytes]:
        file = self._opened()
        if self.dialect.encoding == "utf-8":
            while chunk := file.read(CHUNK):
                yield chunk
            return
        decoder = codecs.getincrementaldecoder(self.dialect.encoding)()
        try:
            while data := file.read(CHUNK):
                yield decoder.decode(data).encode()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise NotPlainError from error


def _width(cells: Sequence[str]) -> int:
    """Return how many cells there are through the last one that is not blank."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _formula_text(cell: str) -> str:
    found = _TEXT_FORMULA.fullmatch(cell)
    return found[1].replace('""', '"') if found else cell
