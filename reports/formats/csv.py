"""CSV for people: UTF-8, commas, `\\n`, quoted only where needed. The database formats and writes, through COPY.

The bytes do not depend on how a session shows dates, intervals or numbers: every cell is text made by an expression
that says itself how. A text cell that a spreadsheet would run as a formula gets a leading apostrophe, unless it is a
plain number or a phone number.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from psycopg import sql

from reports.file_format import Cells, FileFormat, Progress
from reports.report_type import Column, Kind
from reports.rows import Rows

# What a spreadsheet takes for the beginning of a formula, and the numbers and phone numbers that may begin so.
_RUN = "=@+-\t\r"
_NUMBER = "[+-]?[0-9]+([.][0-9]+)?"

# Of what begins with a plus: whether it is a phone number, in a third of the time of the regular expression. What else
# the database reads as a number has another character after the plus (`+0x1`), or is too small for its length
# (`+1_000`, `+1 `). Powers of ten are exact as doubles, and so are fifteen digits, which no phone number exceeds.
_PHONE_NUMBER = """ascii({0}) = 43 AND {0} COLLATE "C" >= '+1' AND octet_length({0}) <= 16
    AND CASE WHEN pg_input_is_valid({0}, 'bigint')
        THEN ({0})::bigint >= 10::double precision ^ (octet_length({0}) - 2) ELSE false END"""


def _text(column: Column) -> sql.Composed:
    # ascii() is the code point of the first character. An empty cell is NULL, or COPY writes "".
    return sql.SQL(
        "CASE WHEN ascii({0}) IN ({1}) AND NOT ({2}) AND {0} !~ {3} THEN '''' || {0} ELSE nullif({0}, '') END"
    ).format(
        column.value,
        sql.SQL(", ").join(map(sql.Literal, map(ord, _RUN))),
        sql.SQL(_PHONE_NUMBER).format(column.value),
        sql.Literal(f"^{_NUMBER}$"),
    )


def guarded(text: str) -> str:
    """The same of a text at hand: with an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text and text[0] in _RUN and not re.fullmatch(_NUMBER, text) else text


def _decimal(column: Column) -> sql.Composed:
    least, most = map(sql.Literal, column.decimals)
    if column.decimals[0] == column.decimals[1]:
        return sql.SQL("round({}, {})").format(column.value, most)
    return sql.SQL("round({0}, greatest({1}, min_scale(round({0}, {2}))))").format(column.value, least, most)


_CELLS: dict[Kind, Callable[[Column], sql.Composed]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: lambda column: sql.SQL("({})::bigint").format(column.value),
    Kind.DECIMAL: _decimal,
    Kind.DATE: lambda column: sql.SQL("to_char(({})::timestamp, 'YYYY-MM-DD')").format(column.value),
    # UTC by its distance from itself: a name would be looked up for each cell.
    Kind.INSTANT: lambda column: sql.SQL(
        "to_char({} AT TIME ZONE interval '0', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    ).format(column.value),
    # Divided as doubles, which are as exact here, since a number is turned into a double by way of its text.
    Kind.DURATION: lambda column: sql.SQL(
        "to_char(make_interval(secs => ({})::double precision / 1000), 'HH24:MI:SS:MS')"
    ).format(column.value),
}


def cell_text(column: Column) -> sql.Composed:
    """The SQL expression of a column's cells: NULL for an empty one, else what COPY writes as the text of the cell."""
    return _CELLS[column.kind](column)


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def write(rows: Rows, target: BinaryIO, progress: Progress) -> int:
    """Write the headings and the rows; see FileFormat."""
    target.write(_line(column.heading for column in rows.columns))
    written = 0
    with rows.copying(map(cell_text, rows.columns)) as copy:
        for row in copy:  # libpq hands over one row at a time
            target.write(row)
            written += 1
            progress(written)
    return written


def read(source: BinaryIO, _columns: tuple[Column, ...]) -> Iterator[Cells]:
    """Read the rows back; see FileFormat."""
    text = io.TextIOWrapper(source, "utf-8", newline="")
    try:
        rows = csv.reader(text, strict=True)
        next(rows, None)
        for row in rows:
            # The line of one empty cell alone is empty.
            yield [cell or None for cell in row] or [None]
    finally:
        text.detach()  # it would close the source


FILE_FORMAT = FileFormat(
    slug="csv", title="CSV", content_type="text/csv; charset=utf-8", write=write, read=read, place=1
)
