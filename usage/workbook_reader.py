"""A program of its own, with limits: the workbook on its standard input becomes a CSV file on its standard output.

It is started by `usage.workbooks` and knows nothing of the product. The first column of the CSV file is the row that a
spreadsheet shows; the cells are the strict text that uploads want, or what they explain. Where the workbook cannot be
used, the output is a row number and a sentence instead, and the exit status REFUSED.
"""

import csv
import errno
import os
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from posixpath import join, normpath
from typing import IO, Any, NamedTuple
from xml.etree import ElementTree as ET

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

REFUSED, OUT_OF_MEMORY, OUT_OF_SPACE = 3, 4, 5
MEMORY = 1 << 30
SECONDS = 60
OUTPUT = 1 << 30

MAX_PARTS = 10_000
MAX_UNPACKED = 1 << 30
# No spreadsheet packs that tightly; parts of less than these bytes do no harm.
MAX_RATIO = 250
HARMLESS = 10_000_000
# What a cell of a spreadsheet holds at most.
MAX_CELL = 32_767
_CHUNK = 1 << 20
_SAVE_AGAIN = "Open it in a spreadsheet program, save it as .xlsx, and upload that."
_BROKEN = f"1 The workbook is broken and cannot be read. {_SAVE_AGAIN}"

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MARKS = (b'="e"', b"='e'", b"<f", b":f")
# A cell with an error, or with a formula and no value (an empty text, t="str", is one). Tags may have a prefix.
_FAULTY = re.compile(
    rb"""<(?:\w+:)?c\b(?P<attributes>[^>]*)>\s*(?P<formula><(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*)?"""
    rb"""(?:<(?:\w+:)?v\b[^>]*(?:/>|>(?P<value>[^<]*)</(?:\w+:)?v>)\s*)?</(?:\w+:)?c>"""
)
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_TYPE = re.compile(rb"""\bt=["'](\w+)["']""")


class RefusedError(Exception):
    """The workbook cannot be used: a sentence, and the row where that was found."""

    def __init__(self, sentence: str, line: int = 1) -> None:
        super().__init__(sentence)
        self.line = line


class ErrorCell(NamedTuple):
    """Row (from 1), column (from 0), and what the spreadsheet shows there."""

    line: int
    column: int
    text: str


def look(archive: zipfile.ZipFile) -> None:
    """Judge the directory of the archive before anything is unpacked."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise RefusedError(f"The workbook has {len(parts):,} parts; no spreadsheet has that many. {_SAVE_AGAIN}")
    if any(part.flag_bits & 1 for part in parts):
        raise RefusedError("The workbook is protected by a password. Save it without one.")
    if "xl/workbook.bin" in archive.NameToInfo:
        raise RefusedError(f"This is a binary workbook (.xlsb). {_SAVE_AGAIN}")
    if "xl/workbook.xml" not in archive.NameToInfo:
        raise RefusedError("This is a ZIP archive but no XLSX workbook. Upload a table, as .xlsx or .csv.")
    if len(archive.NameToInfo) != len(parts):
        raise RefusedError(f"The workbook has two parts of one name. {_SAVE_AGAIN}")
    end = archive.start_dir
    for part in sorted(parts, key=lambda part: part.header_offset, reverse=True):
        if part.header_offset + 30 + len(part.filename) + part.compress_size > end:
            raise RefusedError(f"The parts of the workbook overlap, as in a ZIP bomb. {_SAVE_AGAIN}")
        end = part.header_offset
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED:
        raise RefusedError(
            f"The workbook unpacks to {unpacked / 1e9:,.1f} GB, which is too much. Save the sheet as CSV."
        )
    if any(part.file_size > max(HARMLESS, MAX_RATIO * part.compress_size) for part in parts):
        raise RefusedError("The workbook unpacks to far more than a spreadsheet would, as a ZIP bomb does.")


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part of each sheet, by the sheet's name."""
    relations = {
        relation.get("Id"): relation.get("Target", "") for relation in _tree(archive, "xl/_rels/workbook.xml.rels")
    }
    return {
        sheet.get("name", ""): normpath(join("/xl", relations.get(sheet.get(_RELATION), ""))).lstrip("/")
        for sheet in _tree(archive, "xl/workbook.xml").iter()
        if sheet.tag.endswith("}sheet")
    }


def _tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    content = archive.read(name)
    _refuse_declarations(content)
    return ET.fromstring(content)  # noqa: S314 - what is dangerous has to be declared first


def _refuse_declarations(content: bytes) -> None:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise RefusedError(f"The workbook declares entities of its own, which no spreadsheet does. {_SAVE_AGAIN}")


def error_cells(part: IO[bytes]) -> Iterator[ErrorCell]:
    """The cells of a sheet that hold an error, which calamine takes for empty, as it takes formulas without a value."""
    rest = b""
    while chunk := part.read(_CHUNK):
        _refuse_declarations(chunk)
        data = rest + chunk
        end = max(data.rfind(b"</c>"), data.rfind(b":c>")) + 4
        rest = data[end:] if end > 4 else data
        if len(rest) > 4 * _CHUNK:
            raise RefusedError(f"A cell of the workbook is larger than any cell can be. {_SAVE_AGAIN}")
        if any(mark in data for mark in _MARKS):
            yield from filter(None, map(_error_cell, _FAULTY.finditer(data[:end])))


def _error_cell(cell: re.Match[bytes]) -> ErrorCell | None:
    kind, value = _TYPE.search(cell["attributes"]), cell["value"]
    is_error = kind is not None and kind[1] == b"e"
    is_uncomputed = cell["formula"] and not value and (kind is None or kind[1] != b"str")
    if not is_error and not is_uncomputed:
        return None
    place = _PLACE.search(cell["attributes"])
    where = f"Cell {place[1].decode()}{place[2].decode()}" if place else "A cell"
    line = int(place[2]) if place else 1
    if is_uncomputed:
        raise RefusedError(f"{where} holds a formula that was never computed. {_SAVE_AGAIN}", line)
    text = (value or b"#VALUE!").decode(errors="replace")
    if not place:
        raise RefusedError(f"{where} holds an error, {text}.")
    column = 0
    for letter in place[1]:
        column = column * 26 + letter - 64
    return ErrorCell(line, column - 1, text)


def the_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    """The one visible sheet that has data."""
    found = [
        sheet
        for metadata in workbook.sheets_metadata
        if metadata.typ == SheetTypeEnum.WorkSheet and metadata.visible == SheetVisibleEnum.Visible
        if (sheet := workbook.get_sheet_by_name(metadata.name)).height
    ]
    if not found:
        raise RefusedError("The workbook is empty; it needs a header row with the names of the columns.")
    if len(found) > 1:
        names = ", ".join(f"'{sheet.name}'" for sheet in found[:5])
        raise RefusedError(f"Several sheets have data ({names}); leave one and remove or hide the others.")
    return found[0]


def rows(sheet: CalamineSheet, errors: Iterator[ErrorCell]) -> Iterator[tuple[int, list[Any]]]:
    """(row, cells) from the first column with data on, with the errors where the spreadsheet shows them."""
    first_column = (sheet.start or (0, 0))[1]
    error = next(errors, None)
    line = 0
    for line, row in enumerate(sheet.iter_rows(), start=1):
        while error and error.line <= line:
            _put(row, error, first_column, line)
            error = next(errors, None)
        yield line, row
    while error:
        line, row = error.line, []
        while error and error.line <= line:
            _put(row, error, first_column, line)
            error = next(errors, None)
        yield line, row


def _put(row: list[Any], error: ErrorCell, first_column: int, line: int) -> None:
    place = error.column - first_column
    if error.line < line or place < 0:
        raise RefusedError(f"A cell in row {error.line} holds an error, {error.text}.", error.line)
    row.extend([""] * (place + 1 - len(row)))
    row[place] = error.text


def text(cell: Any) -> str:
    """A cell as uploads want it, without noise; what only looks like a value stays recognizable as none."""
    if isinstance(cell, str):
        return cell if len(cell) <= MAX_CELL else cell[:MAX_CELL]
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds")
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _number(number: float) -> str:
    """A spreadsheet keeps 15 digits. What has more is written as it shows it, which no column takes for a value."""
    if not abs(number) < 10**15:
        mantissa, _, exponent = f"{number:.14E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    if number == int(number):
        return str(int(number))
    return f"{Decimal(f'{number:.15g}'):f}"


def convert(source: int, target: int) -> None:
    """Write the workbook's one sheet as CSV. Raises RefusedError, and what broken archives and workbooks raise."""
    with zipfile.ZipFile(open(source, "rb", closefd=False)) as archive:
        look(archive)
        parts = sheet_parts(archive)
        if "xl/sharedStrings.xml" in archive.NameToInfo:
            with archive.open("xl/sharedStrings.xml") as strings:
                _refuse_declarations(strings.read(_CHUNK))
        sheet = the_sheet(CalamineWorkbook.from_path(f"/dev/fd/{source}"))
        with (
            archive.open(parts[sheet.name]) as part,
            open(target, "w", encoding="utf-8", newline="", closefd=False) as file,
        ):
            _write(csv.writer(file, lineterminator="\n"), rows(sheet, error_cells(part)))


def _write(writer: Any, rows: Iterator[tuple[int, list[Any]]]) -> None:
    width = 0
    for line, row in rows:
        filled = len(row)
        while filled > width and row[filled - 1] == "":
            filled -= 1
        if row.count("") == len(row):
            continue
        width = width or filled
        cells = [text(cell) for cell in row[: max(filled, width)]]
        writer.writerow([line, *cells, *[""] * (width - len(cells))])


def _limit(kind: int, soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):  # the machine has a stricter limit, or knows none
        resource.setrlimit(kind, (soft, hard))


def main() -> int:
    """Exit status 0 or one of the three; what ends in a signal has reached a limit, and with 1 is broken."""
    _limit(resource.RLIMIT_AS, MEMORY, MEMORY)
    _limit(resource.RLIMIT_CPU, SECONDS, SECONDS + 5)
    _limit(resource.RLIMIT_FSIZE, OUTPUT, OUTPUT)
    _limit(resource.RLIMIT_CORE, 0, 0)
    try:
        convert(0, 1)
    except RefusedError as error:
        verdict = f"{error.line} {error}"
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            return OUT_OF_SPACE
        is_too_much = error.errno == errno.EFBIG
        verdict = "1 The sheet has more than 1 GB of text. Split it." if is_too_much else _BROKEN
    except (zipfile.BadZipFile, zlib.error, EOFError, CalamineError, ET.ParseError, KeyError):
        verdict = _BROKEN
    else:
        return 0
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    os.write(1, verdict.encode(errors="replace"))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
