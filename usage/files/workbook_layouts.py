"""Find what the layout of a sheet hides: merged cells, hidden rows and columns."""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from python_calamine import CalamineSheet

from usage.files.workbook_archives import RefusedError

_CHUNK = 1 << 20
# Tags may have a prefix; some programs write hidden="false" for every row.
_HIDDEN = re.compile(
    rb"""<(?:\w+:)?(?P<kind>row|col)\b(?P<attributes>[^<>]*\bhidden=["'](?:1|true)["'][^<>]*)>""", re.IGNORECASE
)
_NUMBER = re.compile(rb"""\b(r|min|max)=["']([0-9]{1,7})["']""")
_AREA = re.compile(
    rb"""<(?:\w+:)?(?P<kind>mergeCell|autoFilter)\b[^<>]*\bref=["']\$?([A-Z]{1,3})\$?([0-9]{1,7})"""
    rb"""(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?["']"""
)
# How many hidden rows or columns a notice names.
_NAMED = 5


class Area(NamedTuple):
    """A rectangle of cells: rows from 1, columns from 0, the last ones included."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    def __str__(self) -> str:
        first, last = name_of(self.first_column + 1), name_of(self.last_column + 1)
        return f"{first}{self.first_row}:{last}{self.last_row}"


class Layout:
    """What a sheet says about rows, columns and areas, gathered from its XML piece by piece."""

    def __init__(self) -> None:
        self._hidden_rows = array("L")
        self._hidden_columns: list[tuple[int, int]] = []
        self._merged: list[Area] = []
        self._filter: Area | None = None

    def read(self, piece: bytes) -> None:
        """Gather what is hidden from a piece that splits no tag."""
        for tag in _HIDDEN.finditer(piece):
            numbers = {name: int(number) for name, number in _NUMBER.findall(tag["attributes"])}
            if tag["kind"] == b"row" and b"r" in numbers:
                self._hidden_rows.append(numbers[b"r"])
            elif tag["kind"] == b"col" and b"min" in numbers and b"max" in numbers:
                self._hidden_columns.append((numbers[b"min"] - 1, numbers[b"max"] - 1))

    def read_end(self, data: bytes, part: IO[bytes]) -> None:
        """Gather merged cells and the filter from what follows the rows: `data`, then the rest of the part."""
        while data:
            complete = data.rfind(b">") + 1
            for tag in _AREA.finditer(data, 0, complete):
                area = _area(*tag.groups()[1:])
                if tag["kind"] == b"mergeCell":
                    self._merged.append(area)
                elif self._filter is None:
                    self._filter = area
            chunk = part.read(_CHUNK)
            data = data[complete:][-_CHUNK:] + chunk if chunk else b""

    def notices(self, sheet: CalamineSheet) -> Iterator[str]:
        """Yield a sentence on hidden rows with data, and one on columns. Raise RefusedError for merged cells with data.

        The rows of the sheet are read again, but only if there is anything to find.
        """
        if not (self._merged or self._hidden_rows or self._hidden_columns):
            return
        left = (sheet.start or (0, 0))[1]
        merged = sorted(self._merged, reverse=True)
        current: list[Area] = []
        hidden_rows, hidden_columns = frozenset(self._hidden_rows), self._columns(left, left + sheet.width)
        rows: list[int] = []
        columns: set[int] = set()
        for line, row in enumerate(sheet.iter_rows(), start=1):
            while merged and merged[-1].first_row <= line:
                current.append(merged.pop())
            current = [area for area in current if area.last_row >= line]
            for area in current:
                _refuse_data(row, area, left)
            if line in hidden_rows and _has_data(row):
                rows.append(line)
            columns |= {column for column in hidden_columns - columns if row[column - left] != ""}
        if rows:
            yield _on_rows(rows, self._filter)
        if columns:
            yield _on_columns(sorted(columns))

    def _columns(self, first: int, end: int) -> set[int]:
        """Return the hidden columns within the sheet's data."""
        found: set[int] = set()
        for start, last in self._hidden_columns:
            found.update(range(max(start, first), min(last + 1, end)))
        return found


def _area(column: bytes, row: bytes, last_column: bytes | None, last_row: bytes | None) -> Area:
    first = number_of(column) - 1
    return Area(int(row), int(last_row or row), first, number_of(last_column) - 1 if last_column else first)


def _has_data(cells: Sequence[Any]) -> bool:
    return cells.count("") < len(cells)


def _refuse_data(row: Sequence[Any], area: Area, left: int) -> None:
    is_single = area.first_row == area.last_row and area.first_column == area.last_column
    if not is_single and _has_data(row[max(area.first_column - left, 0) : max(area.last_column + 1 - left, 0)]):
        raise RefusedError(
            f"The cells {area} are merged, so only one of them holds a value: unmerge them, and fill in each cell.",
            area.first_row,
        )


def _on_rows(rows: Sequence[int], filtered: Area | None) -> str:
    is_filtered = filtered is not None and all(filtered.first_row < row <= filtered.last_row for row in rows)
    how = "hidden by a filter" if is_filtered else "hidden"
    subject, verb = (
        ("1 row is", "is loaded like the others: row")
        if len(rows) == 1
        else (f"{len(rows):,} rows are", "are loaded like the others: rows")
    )
    return f"{subject} {how}, and {verb} {_listed([str(row) for row in rows])}."


def _on_columns(columns: Sequence[int]) -> str:
    subject, verb = (
        ("1 column is", "is loaded like the others: column")
        if len(columns) == 1
        else (f"{len(columns):,} columns are", "are loaded like the others: columns")
    )
    return f"{subject} hidden, and {verb} {_listed([name_of(column + 1) for column in columns])}."


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_NAMED])}{' and more' if len(names) > _NAMED else ''}"


def number_of(column: bytes) -> int:
    """Return 1, 2 … for A, B …"""
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def name_of(column: int) -> str:
    """Return A, B … for 1, 2 …"""
    name = ""
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name
