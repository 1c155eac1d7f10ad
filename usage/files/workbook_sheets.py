"""Read the XML of a sheet piece by piece for what calamine leaves out: errors, formats, the layout, far-away cells."""

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import pairwise
from typing import IO, NamedTuple
from xml.etree import ElementTree as ET

from usage.files.workbook_archives import SAVE_AGAIN, RefusedError, refuse_foreign_xml
from usage.files.workbook_escapes import unescape_text
from usage.files.workbook_layouts import Layout, number_of
from usage.files.workbook_styles import How, Shown, Styles

_CHUNK = 1 << 20
_ROWS_TAG = b"sheetData"
# What a spreadsheet shows for an error is short.
_LONGEST_ERROR = 50
_MARKS = (b'="e"', b"='e'", b"<f", b":f")
# A cell with an error, or with a formula and no value (an empty text, t="str", is a value). Tags may have a prefix.
_FAULTY = re.compile(
    rb"""<(?:\w+:)?c\b(?P<attributes>[^<>]*)>\s*(?P<formula><(?:\w+:)?f\b(?:[^<>]*/>|[^<>]*>[^<]*</(?:\w+:)?f>)\s*)?"""
    rb"""(?:<(?:\w+:)?v\b[^<>]*(?:/>|>(?P<value>[^<]*)</(?:\w+:)?v>)\s*)?</(?:\w+:)?c>"""
)
# A cell with a text of its own in which U+FFFE or U+FFFF is escaped, as our exports have it.
_ESCAPE = b"_xFFF"
_ESCAPED = re.compile(rb"""<c\b(?P<attributes>[^<>]*)><is>(?P<text><t\b[^<>]*>[^<]*_xFFF[EF]_[^<]*</t>)</is></c>""")
# A cell that may hold something.
_CELL = re.compile(rb"""<(?:\w+:)?c\b(?P<attributes>[^<>]*)(?<!/)>""")
_STYLE = re.compile(rb"""\bs=["']([0-9]+)["']""")
_DEFAULT_STYLE = b"0"
# Up to this many styles are searched for by name.
_FEW_STYLES = 100
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_TYPE = re.compile(rb"""\bt=["'](\w+)["']""")
_FILLED = re.compile(rb"""<(?:\w+:)?c\b[^<>]*?\br=["']([A-Z]{1,3})([0-9]{1,10})["'][^<>]*(?<!/)>""")
_OF_ANY_PREFIX = re.compile(rb"<\w+:(?:c|row)\b")
# The search that explains why reading failed stops after this many bytes of a sheet, or this many rows.
_SEARCHED = 200_000_000
_ROWS = 1_100_000
# No table has a gap of this many empty rows or columns.
_FAR_ROWS, _FAR_COLUMNS = 1000, 100


class OddCell(NamedTuple):
    """Row (from 1), column (from 0), and the text that the spreadsheet shows there, or how it shows a value."""

    line: int
    column: int
    shown: str | How


def _pieces(part: IO[bytes], layout: Layout | None = None) -> Iterator[bytes]:
    """Yield the sheet through the end of its rows, in pieces that split no cell. The layout learns what follows."""
    chunk, rest, is_in_rows = part.read(_CHUNK), b"", False
    refuse_foreign_xml(chunk)
    while chunk:
        data = rest + chunk
        rows = 0 if is_in_rows else data.find(_ROWS_TAG)
        if rows >= 0:
            end = data.find(_ROWS_TAG + b">", 0 if is_in_rows else rows + len(_ROWS_TAG))
            _refuse_oddities(data, rows, end if end >= 0 else len(data))
            if end >= 0:
                yield data[:end]
                if layout:
                    layout.read_end(data[end:], part)
                return
            is_in_rows = True
        start = _last_start(data)
        if len(data) - start > 4 * _CHUNK:
            raise RefusedError(f"A cell of the workbook is larger than any cell can be. {SAVE_AGAIN}")
        yield data[:start]
        rest = data[start:]
        chunk = part.read(_CHUNK)
    yield rest


def _refuse_oddities(data: bytes, start: int, end: int) -> None:
    """Raise RefusedError for CDATA and comments: calamine loses text near them, and no spreadsheet writes them."""
    if data.find(b"<!", start, end) >= 0 or data.find(b"<?", start, end) >= 0:
        raise RefusedError(f"The sheet's XML is written as no spreadsheet program writes it. {SAVE_AGAIN}")


def _last_start(data: bytes) -> int:
    """Return where the last cell or row begins, or else the last tag: everything before it is complete."""
    start = max(data.rfind(b"<c "), data.rfind(b"<row"))
    if start < 0:
        start = max((match.start() for match in _OF_ANY_PREFIX.finditer(data)), default=data.rfind(b"<"))
    return start if start >= 0 else len(data)


def odd_cells(part: IO[bytes], styles: Styles, layout: Layout) -> Iterator[OddCell]:
    """Yield the cells of a sheet of which calamine reads less than the spreadsheet shows.

    It reads cells with an error, and formulas without a value, as empty; of a percentage it reads only the number, a
    hundredth of what is shown; and it leaves escapes of U+FFFE and U+FFFF as they are. The layout learns what is
    hidden.
    """
    of_styles = _cell_of(styles)
    for piece in _pieces(part, layout):
        layout.read(piece)
        found: list[Iterable[OddCell | None]] = []
        if any(mark in piece for mark in _MARKS):
            found.append(map(_error_cell, _FAULTY.finditer(piece)))
        if styles:
            found.append(_styled_cell(cell["attributes"], styles) for cell in of_styles.finditer(piece))
        if _ESCAPE in piece:
            found.append(map(_escaped_cell, _ESCAPED.finditer(piece)))
        yield from merge(*(filter(None, cells) for cells in found), key=lambda cell: (cell.line, cell.column))


def _cell_of(styles: Styles) -> re.Pattern[bytes]:
    """Return the pattern of cells that may hold something and may have one of the styles; most cells match neither."""
    if _DEFAULT_STYLE in styles:
        return _CELL
    numbers = b"|".join(styles) if len(styles) <= _FEW_STYLES else b"[0-9]+"
    return re.compile(rb"""<(?:\w+:)?c\b(?P<attributes>[^<>]*\bs=["'](?:%s)["'][^<>]*)(?<!/)>""" % numbers)


def _styled_cell(attributes: bytes, styles: Styles) -> OddCell | None:
    style, kind = _STYLE.search(attributes), _TYPE.search(attributes)
    shown = styles.get(style[1] if style else _DEFAULT_STYLE)
    if shown is None or (kind is not None and kind[1] != b"n"):
        return None
    place = _PLACE.search(attributes)
    if not place:
        what = "percentage" if shown in {Shown.AS_PERCENTAGE, Shown.AS_EITHER} else "formatted number"
        raise RefusedError(f"A {what} stands in a cell that does not say which cell it is. {SAVE_AGAIN}")
    return OddCell(int(place[2]), number_of(place[1]) - 1, shown)


def _escaped_cell(cell: re.Match[bytes]) -> OddCell | None:
    place = _PLACE.search(cell["attributes"])
    text = ET.fromstring(cell["text"]).text or ""  # noqa: S314 - one element without a declaration
    return OddCell(int(place[2]), number_of(place[1]) - 1, unescape_text(text)) if place else None


def _error_cell(cell: re.Match[bytes]) -> OddCell | None:
    kind, value = _TYPE.search(cell["attributes"]), cell["value"]
    is_error = kind is not None and kind[1] == b"e"
    is_uncomputed = cell["formula"] and not value and (kind is None or kind[1] != b"str")
    if not is_error and not is_uncomputed:
        return None
    place = _PLACE.search(cell["attributes"])
    where = f"Cell {place[1].decode()}{place[2].decode()}" if place else "A cell"
    line = int(place[2]) if place else 1
    if is_uncomputed:
        raise RefusedError(f"{where} holds a formula that was never computed. {SAVE_AGAIN}", line)
    text = (value or b"#VALUE!").decode(errors="replace")[:_LONGEST_ERROR]
    if not place:
        raise RefusedError(f"{where} holds an error, {text}.")
    return OddCell(line, number_of(place[1]) - 1, text)


def explanation(part: IO[bytes]) -> tuple[int, str] | None:
    """Return (row, sentence) if a cell far from those before it explains why a sheet is too large to read."""
    columns: dict[int, int] = {}  # the first of each row
    rows: dict[int, int] = {}  # the first of each column
    names: dict[int, str] = {}
    searched = 0
    for piece in _pieces(part):
        for name, digits in _FILLED.findall(piece):
            row, column = int(digits), number_of(name)
            columns.setdefault(row, column)
            if column not in rows:
                rows[column], names[column] = row, name.decode()
        searched += len(piece)
        if searched > _SEARCHED or len(columns) > _ROWS:
            return None
    before, row = _widest_gap(columns)
    if row - before >= _FAR_ROWS:
        where = f"far below the others, which end in row {before}" if before else "far below the top of the sheet"
        return row, f"Cell {names[columns[row]]}{row} lies {where}."
    before, column = _widest_gap(rows)
    if column - before >= _FAR_COLUMNS:
        where = f"of the others, which end in column {names[before]}" if before else "of the sheet's beginning"
        return rows[column], f"Cell {names[column]}{rows[column]} lies far to the right {where}."
    return None


def _widest_gap(numbers: Iterable[int]) -> tuple[int, int]:
    """Return the two adjacent numbers, 0 included, with the widest gap between them."""
    return max(pairwise([0, *sorted(numbers)]), key=lambda pair: pair[1] - pair[0], default=(0, 0))
