"""CSV for people: UTF-8, commas, `\\n`, quoted only where needed. The database formats and writes, through COPY.

The bytes do not depend on how a session shows dates, intervals or numbers: every cell is text from an expression that
fixes its form. A text cell that a spreadsheet would run as a formula gets a leading apostrophe.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import BinaryIO

from psycopg import sql

from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows, pour
from usage.files.formulas import FIRST_OF_FEW, FORMULA, PLAIN_NUMBER

# ascii() is the code point of the first character, and PostgreSQL hashes long lists. The branches are in the order of
# frequency: most texts begin like no formula, most others with a plus. Comparing with the digits of the number tells a
# phone number in half the time of the regular expression. An empty cell must be NULL: for an empty text COPY would
# write "".
_TEXT = """CASE WHEN ascii({text}) <> ALL ({few}::int[]) THEN {text}
    WHEN ascii({text}) = {plus} AND CASE WHEN pg_input_is_valid({text}, 'bigint') THEN
        '+' || ({text})::bigint = {text} ELSE false END THEN {text}
    WHEN {text} ~ {formula} AND {text} !~ {number} THEN '''' || {text} ELSE nullif({text}, '') END"""


def _text(column: ReportColumn) -> sql.Composed:
    return sql.SQL(_TEXT).format(
        text=column.value,
        few=sql.Literal(list(FIRST_OF_FEW)),
        plus=ord("+"),
        formula=sql.Literal(FORMULA),
        number=sql.Literal(PLAIN_NUMBER),
    )


def _decimal(column: ReportColumn) -> sql.Composed:
    least, most = column.decimals
    if least == most:
        return sql.SQL("({})").format(column.rounded)
    shown = sql.SQL("trim_scale({})").format(column.rounded)
    # Adding 0.0 restores the least places: a sum has as many decimals as the longer of its terms.
    return sql.SQL("({} + {})").format(shown, Decimal(0).scaleb(-least)) if least else shown


_CELLS: dict[ColumnKind, Callable[[ReportColumn], sql.Composed]] = {
    ColumnKind.TEXT: _text,
    ColumnKind.INTEGER: lambda column: sql.SQL("({})::bigint").format(column.value),
    ColumnKind.DECIMAL: _decimal,
    ColumnKind.DATE: lambda column: sql.SQL("to_char(({})::timestamp, 'YYYY-MM-DD')").format(column.value),
    # An offset of 0 instead of the name UTC, which would be looked up for each cell.
    ColumnKind.INSTANT: lambda column: sql.SQL(
        "to_char({} AT TIME ZONE interval '0', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    ).format(column.value),
    # Divided as doubles: as exact here, and a numeric would be turned into a double by way of its text.
    ColumnKind.DURATION: lambda column: sql.SQL(
        "to_char(make_interval(secs => ({})::double precision / 1000), 'HH24:MI:SS:MS')"
    ).format(column.value),
}


def csv_cell(column: ReportColumn) -> sql.Composed:
    """Return the SQL expression of a column's cells: what COPY writes as the cell's text, or NULL for an empty one."""
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
            # The line of a row with one empty cell is empty, and has no cell for the reader.
            yield [cell or None for cell in row] or [None]
    finally:
        text.detach()  # otherwise it would close the source


FILE_FORMAT = FileFormat(
    slug="csv", title="CSV", content_type="text/csv; charset=utf-8", write=write, read=read, place=1
)
