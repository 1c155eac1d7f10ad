"""CSV for people: UTF-8, commas, `\\n`, quoted only where needed. The database formats and writes, through COPY.

The bytes do not depend on how a session shows dates, intervals or numbers: every cell is text made by an expression
that says itself how. A text cell that a spreadsheet would run as a formula gets a leading apostrophe, unless it is a
plain number or a phone number.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import BinaryIO

from psycopg import sql

from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows, pour

# What a spreadsheet takes for the beginning of a formula, and the numbers and phone numbers that may begin so.
_RUN = "=@+-\t\r"
_NUMBER = "[+-]?[0-9]+([.][0-9]+)?"

# ascii() is the code point of the first character. Most texts begin with a letter, and then with a plus: whether it is
# that of a phone number is seen from the number's own digits in half of the time of the regular expression. An empty
# cell is NULL, or COPY writes "".
_TEXT = """CASE WHEN ascii({text}) > {last} THEN {text}
    WHEN ascii({text}) = {plus} AND CASE WHEN pg_input_is_valid({text}, 'bigint') THEN
        '+' || ({text})::bigint = {text} ELSE false END THEN {text}
    WHEN ascii({text}) IN ({run}) AND {text} !~ {number} THEN '''' || {text} ELSE nullif({text}, '') END"""


def _text(column: ReportColumn) -> sql.Composed:
    return sql.SQL(_TEXT).format(
        text=column.value,
        last=max(map(ord, _RUN)),
        plus=ord("+"),
        run=sql.SQL(", ").join(map(sql.Literal, map(ord, _RUN))),
        number=sql.Literal(f"^{_NUMBER}$"),
    )


def escape_formula(text: str) -> str:
    """The same of a text at hand: with an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text and text[0] in _RUN and not re.fullmatch(_NUMBER, text) else text


def _decimal(column: ReportColumn) -> sql.Composed:
    least, most = column.decimals
    if least == most:
        return sql.SQL("({})").format(column.rounded)
    shown = sql.SQL("trim_scale({})").format(column.rounded)
    # A sum has as many decimals as the longer of its terms.
    return sql.SQL("({} + {})").format(shown, Decimal(0).scaleb(-least)) if least else shown


_CELLS: dict[ColumnKind, Callable[[ReportColumn], sql.Composed]] = {
    ColumnKind.TEXT: _text,
    ColumnKind.INTEGER: lambda column: sql.SQL("({})::bigint").format(column.value),
    ColumnKind.DECIMAL: _decimal,
    ColumnKind.DATE: lambda column: sql.SQL("to_char(({})::timestamp, 'YYYY-MM-DD')").format(column.value),
    # UTC by its distance from itself: a name would be looked up for each cell.
    ColumnKind.INSTANT: lambda column: sql.SQL(
        "to_char({} AT TIME ZONE interval '0', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    ).format(column.value),
    # Divided as doubles, which are as exact here, since a number is turned into a double by way of its text.
    ColumnKind.DURATION: lambda column: sql.SQL(
        "to_char(make_interval(secs => ({})::double precision / 1000), 'HH24:MI:SS:MS')"
    ).format(column.value),
}


def csv_cell(column: ReportColumn) -> sql.Composed:
    """The SQL expression of a column's cells: NULL for an empty one, else what COPY writes as the text of the cell."""
    return _CELLS[column.kind](column)


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def write(rows: ReportRows, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write the headings and the rows; see FileFormat."""
    target.write(_line(column.heading for column in rows.columns))
    with rows.copying(map(csv_cell, rows.columns)) as copy:
        return pour(copy, target, on_progress)


def read(source: BinaryIO, _columns: tuple[ReportColumn, ...]) -> Iterator[Cells]:
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
