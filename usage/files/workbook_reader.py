"""A separate program with limits: it converts the workbook on standard input to a CSV file on standard output.

`usage.files.workbooks` starts it with an action and the parent's process ID. It knows nothing of the product. The first
column of the CSV file is the row number that a spreadsheet shows; the cells are strict text that uploads accept or can
explain. If the workbook cannot be used, the output is a row number and a sentence, and the exit status is REFUSED.
What is unusual about the sheet is on standard error, each sentence on a line after NOTICE.
"""

import csv
import ctypes
import errno
import os
import resource
import signal
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from usage.files.workbook_archives import SAVE_AGAIN, Parts, RefusedError, look, sheet_parts, styles_part
from usage.files.workbook_cells import NOT_TEXT, digits, in_utc, percentage, text, unlike_digits
from usage.files.workbook_layouts import Layout
from usage.files.workbook_sheets import OddCell, explanation, odd_cells
from usage.files.workbook_styles import Digits, Shown, Styles, styles_of

CONVERT, EXPLAIN = "convert", "explain"
NOTICE = "notice: "
REFUSED, OUT_OF_MEMORY, OUT_OF_SPACE = 3, 4, 5
MEMORY = 1 << 30
SECONDS = 60
OUTPUT = 1 << 30

ADVICE = "Delete everything right of the last column and below the last row, or save the sheet as CSV and upload that."
_EMPTY = "The workbook is empty; it needs a header row with the names of the columns."
_ALL_HIDDEN = "No visible sheet of the workbook has data; show the sheet with the table, and upload it again."
# How many of several sheets with data are named, and how long a spreadsheet's names can be.
_NAMED, _LONGEST_NAME = 5, 31
_BROKEN = f"1 The workbook is broken and cannot be read. {SAVE_AGAIN}"
_PR_SET_PDEATHSIG = 1


def the_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    """Return the one visible sheet that has data. Raise RefusedError unless there is exactly one."""
    found: CalamineSheet | None = None
    names = []
    for name in visible_sheets(workbook):
        sheet = workbook.get_sheet_by_name(name)
        if sheet.height:
            names.append(name)
            if found is None:
                found = sheet
        if len(names) > _NAMED:
            break
    if found is None:
        hidden = any(metadata.visible != SheetVisibleEnum.Visible for metadata in workbook.sheets_metadata)
        raise RefusedError(_ALL_HIDDEN if hidden else _EMPTY)
    if len(names) > 1:
        listed = ", ".join(f"'{name[:_LONGEST_NAME]}'" for name in names[:_NAMED])
        more = " and more" if len(names) > _NAMED else ""
        raise RefusedError(f"Several sheets have data ({listed}{more}); leave one and remove or hide the others.")
    return found


def visible_sheets(workbook: CalamineWorkbook) -> list[str]:
    """Return the names of the visible sheets that consist of cells."""
    return [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]


def rows(sheet: CalamineSheet, odd_ones: Iterator[OddCell]) -> Iterator[tuple[int, list[Any]]]:
    """Yield (row, cells) from the first column with data, with errors and percentages as the spreadsheet shows them."""
    first_column = (sheet.start or (0, 0))[1]
    odd = next(odd_ones, None)
    line = 0
    for line, row in enumerate(sheet.iter_rows(), start=1):
        while odd and odd.line <= line:
            _put(row, odd, first_column, line)
            odd = next(odd_ones, None)
        yield line, row
    while odd:
        line, row = odd.line, []
        while odd and odd.line <= line:
            _put(row, odd, first_column, line)
            odd = next(odd_ones, None)
        yield line, row


def _put(row: list[Any], odd: OddCell, first_column: int, line: int) -> None:
    place = odd.column - first_column
    if not isinstance(odd.shown, str):
        if odd.line < line:
            raise RefusedError(f"A formatted number in row {odd.line} stands below others. {SAVE_AGAIN}", odd.line)
        if 0 <= place < len(row):
            row[place] = _shown(row[place], odd)
        return
    if odd.line < line or place < 0:
        raise RefusedError(f"A cell in row {odd.line} holds an error, {odd.shown}.", odd.line)
    row.extend([""] * (place + 1 - len(row)))
    row[place] = odd.shown


def _shown(value: Any, odd: OddCell) -> Any:
    """Return the value as its format shows it; one that is no number as it is, unless it is an instant of UTC."""
    if odd.shown is Shown.IN_UTC:
        return in_utc(value) if isinstance(value, date) else value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if isinstance(odd.shown, Digits):
        return digits(value, odd.shown)
    if odd.shown is Shown.UNLIKE_DIGITS:
        return unlike_digits(value)
    if odd.shown is Shown.AS_EITHER:
        raise RefusedError(
            f"The format of a cell in row {odd.line} shows some numbers as percentages and others as they are: give "
            "its column a format that does one or the other.",
            odd.line,
        )
    return f"{percentage(value)}{NOT_TEXT}"


def convert(source: int, target: int) -> None:
    """Write the workbook's one sheet as CSV. Raise RefusedError, or what broken archives and workbooks raise."""
    with zipfile.ZipFile(open(source, "rb", closefd=False)) as archive:
        parts = look(archive)
        sheets = sheet_parts(archive, parts)
        sheet = the_sheet(CalamineWorkbook.from_path(f"/dev/fd/{source}"))
        styles, layout = _styles(archive, parts), Layout()
        with (
            archive.open(sheets[sheet.name]) as part,
            open(target, "w", encoding="utf-8", newline="", closefd=False) as file,
        ):
            # With this line terminator the module also quotes a cell with a lone carriage return.
            _write(csv.writer(file, lineterminator="\r\n"), rows(sheet, odd_cells(part, styles, layout)))
    for notice in layout.notices(sheet):
        os.write(2, f"{NOTICE}{notice}\n".encode())


def _styles(archive: zipfile.ZipFile, parts: Parts) -> Styles:
    found = styles_part(archive, parts)
    if found is None:
        return {}
    with archive.open(found) as part:
        return styles_of(part)


def explain(source: int) -> None:
    """Raise RefusedError for a cell far from the others, after reading the workbook exceeded a limit."""
    with zipfile.ZipFile(open(source, "rb", closefd=False)) as archive:
        for sheet in sheet_parts(archive, look(archive)).values():
            with archive.open(sheet) as part:
                if found := explanation(part):
                    line, sentence = found
                    raise RefusedError(f"{sentence} {ADVICE}", line)


def _write(writer: Any, rows: Iterator[tuple[int, list[Any]]]) -> None:
    width = 0
    for line, row in rows:
        filled = len(row)
        while filled > width and row[filled - 1] == "":
            filled -= 1
        if row.count("") == len(row):
            continue
        is_header = not width
        width = width or filled
        cells = [text(cell) for cell in row[: max(filled, width)]]
        if is_header:
            cells = [cell.removesuffix(NOT_TEXT) for cell in cells]
        writer.writerow([line, *cells, *[""] * (width - len(cells))])


def _limit(kind: int, soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):  # the machine has a stricter limit, or none at all
        resource.setrlimit(kind, (soft, hard))


def _end_with(parent: int) -> None:
    """End this process with its parent (to be exact: the thread that started it), where the system supports that."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signal.SIGKILL)


def main(act: str, parent: int) -> int:
    """Return exit status 0 or one of the three. A signal means that a limit was reached; 1, a broken workbook."""
    _end_with(parent)
    _limit(resource.RLIMIT_AS, MEMORY, MEMORY)
    _limit(resource.RLIMIT_CPU, SECONDS, SECONDS + 5)
    _limit(resource.RLIMIT_FSIZE, OUTPUT, OUTPUT)
    _limit(resource.RLIMIT_CORE, 0, 0)
    try:
        convert(0, 1) if act == CONVERT else explain(0)
    except RefusedError as error:
        refusal = f"{error.line} {error}"
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            return OUT_OF_SPACE
        is_too_much = error.errno == errno.EFBIG
        refusal = "1 The sheet has more than 1 GB of text. Split it." if is_too_much else _BROKEN
    except (zipfile.BadZipFile, zlib.error, EOFError, CalamineError, ET.ParseError, KeyError):
        refusal = _BROKEN
    else:
        return 0
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    os.write(1, refusal.encode(errors="replace"))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
