"""Write tables as CSV and XLSX files that uploads accept: exports and templates."""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from usage.files.workbook_escapes import escape_text

# With the header.
MAX_SHEET_ROWS = 1_048_576
# Spreadsheets keep numbers as doubles: a number with more digits is written as text.
_EXACT_DIGITS = 15
# Spreadsheets disagree on earlier days; one of them has a 29 February 1900.
_FIRST_DAY = "1900-03-01"
_QUOTE = '"'
# Quotes, commas, control characters, and separators of lines and paragraphs.
_SPECIAL = re.compile('[",\x00-\x1f\x7f-\x9f\u2028\u2029]')
_WIDTHS = (12, 40)
# A fixed instant, so that equal rows give equal bytes: the one that the archive's entries have.
_CREATED = datetime(1980, 1, 1, tzinfo=UTC)


class CellKind(Enum):
    """The type of a column's cells in a spreadsheet."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    BOOLEAN = "boolean"


class Heading(NamedTuple):
    """A column: its name in the header, and the type of its cells."""

    name: str
    cell: CellKind


TextRows = Iterable[Sequence[str]]


class _Sheet(Worksheet):  # type: ignore[misc]  # the package has no types
    """A sheet that writes every text literally, even one that looks like an escape or the package's own markup."""

    @staticmethod
    def _escape_control_characters(data: Any) -> Any:
        return escape_text(data) if isinstance(data, str) else data  # the package passes numbers, too

    def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, str]] = ()) -> None:
        self._xml_inline_string(string, preserve=False, attributes=attributes)


def write_csv(headings: Sequence[Heading], rows: TextRows) -> bytes:
    """Return CSV in UTF-8, with commas and `\\n`, quoted only where needed. The rows hold texts that uploads accept."""
    data = io.BytesIO()
    data.write(csv_line([heading.name for heading in headings]))
    data.writelines(map(csv_line, rows))
    return data.getvalue()


def csv_line(cells: Sequence[str]) -> bytes:
    """Return a line of CSV in UTF-8. A cell is quoted if it holds anything that a reader may treat specially.

    That is more than the `csv` module quotes: a lone carriage return ends a row for most readers, and Ctrl-Z a file.
    """
    line = ",".join([f'"{cell.replace(_QUOTE, _QUOTE * 2)}"' if _SPECIAL.search(cell) else cell for cell in cells])
    return f"{line or _QUOTE * 2}\n".encode()


def write_xlsx(headings: Sequence[Heading], rows: TextRows) -> bytes:
    """Return a workbook of one sheet. Numbers, days and booleans are typed where a spreadsheet keeps them exactly.

    Text is never written as a formula. Raise ValueError for more rows than a sheet holds.
    """
    data = io.BytesIO()
    # Each cell is written with its type, so that the package guesses nothing.
    with xlsxwriter.Workbook(data, {"constant_memory": True}) as workbook:
        workbook.set_properties({"created": _CREATED})
        formats = {
            CellKind.TEXT: workbook.add_format({"num_format": "@"}),
            CellKind.NUMBER: None,
            CellKind.DAY: workbook.add_format({"num_format": "yyyy-mm-dd"}),
            CellKind.BOOLEAN: None,
        }
        bold = workbook.add_format({"bold": True})
        sheet = workbook.add_worksheet("Data", _Sheet)
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            width = min(max(len(heading.name) + 4, _WIDTHS[0]), _WIDTHS[1])
            # The format of the column makes a spreadsheet read cells that people add the same way.
            sheet.set_column(column, column, width, formats[heading.cell])
            sheet.write_string(0, column, heading.name, bold)
        for line, row in enumerate(rows, start=1):
            if line >= MAX_SHEET_ROWS:
                raise ValueError(f"A sheet of a workbook holds at most {MAX_SHEET_ROWS - 1:,} rows.")
            for column, (heading, text) in enumerate(zip(headings, row, strict=True)):
                if text:
                    _write_cell(sheet, line, column, text, heading.cell, formats)
    return data.getvalue()


def _write_cell(sheet: Any, line: int, column: int, text: str, cell: CellKind, formats: dict[CellKind, Any]) -> None:
    if cell is CellKind.NUMBER and len(text.replace(".", "").lstrip("0")) <= _EXACT_DIGITS:
        sheet.write_number(line, column, float(text))
    elif cell is CellKind.DAY and text >= _FIRST_DAY:
        sheet.write_datetime(line, column, date.fromisoformat(text), formats[cell])
    elif cell is CellKind.BOOLEAN:
        sheet.write_boolean(line, column, text == "true")
    else:
        sheet.write_string(line, column, text, formats[CellKind.TEXT])


WRITERS: dict[str, Callable[[Sequence[Heading], TextRows], bytes]] = {"csv": write_csv, "xlsx": write_xlsx}
