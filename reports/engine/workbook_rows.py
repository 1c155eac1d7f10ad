"""The rows of workbooks that the product wrote: a sheet's markup, read as a stream with a few rows in memory."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, BinaryIO
from xml.etree import ElementTree as ET
from xml.parsers import expat

from xlsxwriter.utility import xl_col_to_name

from reports.engine.file_format import Cells
from usage.files.workbook_escapes import unescape_text

BYTES_PER_BLOCK = 64 * 1024
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"

ReadNumber = Callable[[str], str]
"""Returns the text of CSV for a number of a sheet."""


def rows_of(source: BinaryIO, numbers: Sequence[ReadNumber], *, sheets: str) -> Iterator[Cells]:
    """Yield the cells of all rows but the first of every sheet whose name begins with `sheets`.

    Texts stay as they are. A number becomes a text by the function in `numbers` at its column's place.
    """
    with zipfile.ZipFile(source) as archive:
        with archive.open("xl/workbook.xml") as markup:
            names = [sheet.get("name", "") for sheet in ET.parse(markup).iter(_SHEET)]  # noqa: S314 - our own
        for number, name in enumerate(names, start=1):
            if name.startswith(sheets):
                with archive.open(f"xl/worksheets/sheet{number}.xml") as markup:
                    rows = _Sheet(markup, numbers).rows()
                    next(rows, None)
                    yield from rows


class _Sheet:
    """One sheet, read once. The start of a cell or row ends the one before: handlers of end tags would cost time."""

    def __init__(self, markup: IO[bytes], numbers: Sequence[ReadNumber]) -> None:
        self._markup = markup
        self._numbers = numbers
        self._places = {xl_col_to_name(place): place for place in range(len(numbers))}
        self._read: list[Cells] = []
        self._place = 0
        self._is_text = False
        self._cell = ""
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.CharacterDataHandler = self._characters

    def rows(self) -> Iterator[Cells]:
        while block := self._markup.read(BYTES_PER_BLOCK):
            self._parser.Parse(block, False)  # noqa: FBT003 - the parser takes no keyword
            yield from self._read[:-1]
            del self._read[:-1]
        self._parser.Parse(b"", True)  # noqa: FBT003
        self._end_cell()
        yield from self._read

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._end_cell()
            self._place = self._places[attributes["r"].rstrip("0123456789")]
            self._is_text = "t" in attributes
        elif name == "row":
            self._end_cell()
            self._read.append([None] * len(self._numbers))

    def _characters(self, text: str) -> None:
        self._cell += text

    def _end_cell(self) -> None:
        if cell := self._cell:
            text = unescape_text(cell) if self._is_text else self._numbers[self._place](cell)
            self._read[-1][self._place] = text
            self._cell = ""
