"""Tables as files that uploads accept: CSV and XLSX, written row by row, as exports and examples."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from enum import Enum
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

MAX_SHEET_ROWS = 1_048_576
"""What a sheet holds, its header included."""
# A spreadsheet keeps numbers as doubles: what has more digits stays text.
_EXACT_DIGITS = 15
# Spreadsheets disagree on the days before; one of them has a 29 February 1900.
_FIRST_DAY = "1900-03-01"
_WIDTHS = (12, 40)


class Cell(Enum):
    """What the cells of a column are in a spreadsheet."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    BOOLEAN = "boolean"


class Heading(NamedTuple):
    """A column: its name in the header, and its cells."""

    name: str
    cell: Cell


Rows = Iterable[Sequence[str]]


class _Sheet(Worksheet):  # type: ignore[misc]  # the package has no types
    """A sheet whose texts are texts: what begins and ends as markup of the package's own is written as it reads."""

    def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, str]] = ()) -> None:
        self._xml_inline_string(string, preserve=False, attributes=attributes)


def write_csv(headings: Sequence[Heading], rows: Rows) -> bytes:
    """UTF-8, commas, `\\n`, quoted only where needed; the rows hold the texts that uploads accept."""
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding="utf-8", newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heading.name for heading in headings)
    writer.writerows(rows)
    file.flush()
    return data.getvalue()


def write_xlsx(headings: Sequence[Heading], rows: Rows) -> bytes:
    """One sheet. Numbers, days and truth are typed where a spreadsheet keeps them exactly; text is never a formula.

    Raises ValueError for more rows than a sheet holds.
    """
    data = io.BytesIO()
    # Cells are written with their types one by one: nothing is guessed of a text.
    with xlsxwriter.Workbook(data, {"constant_memory": True}) as workbook:
        formats = {
            Cell.TEXT: workbook.add_format({"num_format": "@"}),
            Cell.NUMBER: None,
            Cell.DAY: workbook.add_format({"num_format": "yyyy-mm-dd"}),
            Cell.BOOLEAN: None,
        }
        bold = workbook.add_format({"bold": True})
        sheet = workbook.add_worksheet("Data", _Sheet)
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            width = min(max(len(heading.name) + 4, _WIDTHS[0]), _WIDTHS[1])
            # With the format of the column, a row that somebody adds is not taken for something else either.
            sheet.set_column(column, column, width, formats[heading.cell])
            sheet.write_string(0, column, heading.name, bold)
        for line, row in enumerate(rows, start=1):
            if line >= MAX_SHEET_ROWS:
                raise ValueError(f"A sheet of a workbook holds at most {MAX_SHEET_ROWS - 1:,} rows.")
            for column, (heading, text) in enumerate(zip(headings, row, strict=True)):
                if text:
                    _write_cell(sheet, line, column, text, heading.cell, formats)
    return data.getvalue()


def _write_cell(sheet: Any, line: int, column: int, text: str, cell: Cell, formats: dict[Cell, Any]) -> None:
    if cell is Cell.NUMBER and len(text.replace(".", "").lstrip("0")) <= _EXACT_DIGITS:
        sheet.write_number(line, column, float(text))
    elif cell is Cell.DAY and text >= _FIRST_DAY:
        sheet.write_datetime(line, column, date.fromisoformat(text), formats[cell])
    elif cell is Cell.BOOLEAN:
        sheet.write_boolean(line, column, text == "true")
    else:
        sheet.write_string(line, column, text, formats[Cell.TEXT])


WRITERS: dict[str, Callable[[Sequence[Heading], Rows], bytes]] = {"csv": write_csv, "xlsx": write_xlsx}
