"""XLSX for people: typed cells in one sheet, or in several with the same header if the rows do not fit into one.

Numbers, days, instants (UTC) and durations are numbers to calculate with, shown as the CSV shows them. A number with
more than 15 digits, which a spreadsheet would round, is text. Text is the CSV's, apostrophe included, and never a
formula.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from psycopg import sql
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from reports.engine.cells import duration_text
from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows
from reports.engine.temporary_folders import temporary_folder
from reports.engine.totals import MILLISECONDS, Line
from reports.engine.workbook_rows import ReadNumber, rows_of
from reports.formats.csv import csv_cell
from usage.files.formulas import escape_formula
from usage.files.workbook_escapes import escape_text

MAX_SHEET_ROWS = 1_048_576
"""The most rows of a sheet, its header included."""
EXACT_DIGITS = 15
FOLDER_PREFIX = "tallydesk-workbook-"
# 1 March 1900. Spreadsheets disagree on the days before: one of them has a 29 February 1900.
_FIRST_DAY = 61
_DAY_0 = datetime(1899, 12, 30, tzinfo=UTC)
# A fixed instant, so that equal rows give equal bytes: the one that the archive's entries have.
_CREATED = datetime(1980, 1, 1, tzinfo=UTC)
_DATA = "Data"
_WIDTHS = {ColumnKind.INSTANT: 26, ColumnKind.DURATION: 14}
_DURATION = "[hh]:mm:ss.000"
_LEAST_WIDTH, _MOST_WIDTH = 12, 48
_ROWS_MEASURED = 1000

# Characters that XML or workbooks escape, and white space that readers would strip.
_NOT_PLAIN = re.compile("[\x00-\x1f&<>\ufffe\uffff]|_x|^\\s|\\s$")

Put = Callable[[str, Any], str]
"""Returns the markup of a cell, given its address in the sheet and the value that the database sent."""


class _Sheet(Worksheet):  # type: ignore[misc] # xlsxwriter has no types
    """A sheet whose rows are written as markup, in a tenth of the time that writing cell by cell takes."""

    def begin(self) -> None:
        """Finish the header, which was written cell by cell."""
        self._write_single_row(1)

    def add_row(self, line: int, cells: str) -> None:
        """Write a row, counted from 1."""
        self.fh.write(f'<row r="{line}">{cells}</row>')

    def end(self, lines: int, columns: int) -> None:
        """Record the size of the sheet."""
        self._check_dimensions(lines - 1, columns - 1)


def _text(address: str, text: str) -> str:
    space = ""
    if _NOT_PLAIN.search(text):
        text = escape(escape_text(text))
        space = ' xml:space="preserve"'
    return f'<c r="{address}" t="inlineStr"><is><t{space}>{text}</t></is></c>'


def _instant_text(milliseconds: int) -> str:
    """Return an instant, in milliseconds since the spreadsheet's day 0, as the CSV shows it."""
    instant = (_DAY_0 + timedelta(milliseconds=milliseconds)).replace(tzinfo=None)
    return f"{instant.isoformat(timespec='milliseconds')}Z"


def _cell(column: ReportColumn) -> sql.Composable:
    """Return the CSV's expression, or for days, instants and durations one of whole days or milliseconds.

    Spreadsheets hold these three as numbers of days.
    """
    match column.kind:
        case ColumnKind.DATE:
            return sql.SQL("({})::date - DATE '1899-12-30'").format(column.value)
        case ColumnKind.INSTANT:
            return sql.SQL("floor(extract(epoch FROM {}) * 1000)::bigint + 2209161600000").format(column.value)
        case ColumnKind.DURATION:
            return sql.SQL("({})::bigint").format(column.value)
        case _:
            return csv_cell(column)


_TYPES = {ColumnKind.DATE: "int4", ColumnKind.INSTANT: "int8", ColumnKind.DURATION: "int8"}
_IN_A_DAY = {ColumnKind.DATE: 1, ColumnKind.INSTANT: 86_400_000, ColumnKind.DURATION: 86_400_000}


def _number_format(column: ReportColumn) -> str:
    match column.kind:
        case ColumnKind.INTEGER:
            return "0"
        case ColumnKind.DECIMAL if column.decimals[0]:
            least, most = column.decimals
            return f"0.{'0' * least}{'#' * (most - least)}"
        case ColumnKind.DATE:
            return "yyyy-mm-dd"
        case ColumnKind.INSTANT:
            return 'yyyy-mm-dd"T"hh:mm:ss.000"Z"'
        case ColumnKind.DURATION:
            return _DURATION
        case _:
            return "General"  # decimals without a least number of places: `0.###` would show a whole number as `1.`


def _put(column: ReportColumn, workbook: Workbook) -> Put:
    """Return the function that makes the markup of the column's cells."""
    shown = workbook.add_format({"num_format": _number_format(column)})
    in_a_day = _IN_A_DAY.get(column.kind, 0)

    style = shown._get_xf_index()

    def put_number(address: str, text: str) -> str:
        if len(text) <= EXACT_DIGITS or len(text.lstrip("-").replace(".", "").strip("0")) <= EXACT_DIGITS:
            return f'<c r="{address}" s="{style}"><v>{text}</v></c>'
        return _text(address, text)

    def put_time(address: str, time: int) -> str:
        if column.kind is ColumnKind.DURATION or time >= _FIRST_DAY * in_a_day:
            return f'<c r="{address}" s="{style}"><v>{time / in_a_day:.16G}</v></c>'
        if column.kind is ColumnKind.DATE:
            return _text(address, f"{_DAY_0 + timedelta(days=time):%Y-%m-%d}")
        return _text(address, _instant_text(time))

    if column.kind is ColumnKind.TEXT:
        return _text
    return put_time if in_a_day else put_number


class _Sheets:
    """The sheets of a workbook: when one is full, the next is begun."""

    def __init__(self, workbook: Workbook, columns: tuple[ReportColumn, ...]) -> None:
        self.workbook = workbook
        self.columns = columns
        self.bold = workbook.add_format({"bold": True})
        self.letters = [xl_col_to_name(place) for place in range(len(columns))]
        self.puts = [_put(column, workbook) for column in columns]
        self._begin()

    def _begin(self) -> None:
        number = len(self.workbook.worksheets()) + 1
        self.sheet = self.workbook.add_worksheet(_DATA if number == 1 else f"{_DATA} {number}", _Sheet)
        self.sheet.freeze_panes(1, 0)
        # The heading needs room for the filter's button.
        self.widths = [max(len(it.heading) + 4, _WIDTHS.get(it.kind, _LEAST_WIDTH)) for it in self.columns]
        for place, column in enumerate(self.columns):
            self.sheet.write_string(0, place, column.heading, self.bold)
        self.sheet.begin()
        self.lines = 1

    def write(self, row: Sequence[Any]) -> None:
        """Write the next row, if necessary to a new sheet."""
        if self.lines == MAX_SHEET_ROWS:
            self.end()
            self._begin()
        self.lines = line = self.lines + 1
        cells = [
            put(f"{letters}{line}", value)
            for letters, put, value in zip(self.letters, self.puts, row, strict=True)
            if value is not None
        ]
        self.sheet.add_row(line, "".join(cells))
        if line <= _ROWS_MEASURED:
            self._measure(row)

    def _measure(self, row: Sequence[Any]) -> None:
        for place, value in enumerate(row):
            if isinstance(value, str) and len(value) >= self.widths[place]:
                self.widths[place] = min(len(value) + 1, _MOST_WIDTH)

    def end(self) -> None:
        """Write what is known of a sheet only once it has all its rows: its size, filter and column widths."""
        self.sheet.end(self.lines, len(self.columns))
        self.sheet.autofilter(0, 0, self.lines - 1, len(self.columns) - 1)
        for place, width in enumerate(self.widths):
            self.sheet.set_column(place, place, width)


class _ReportingTarget:
    """Writes to the target and calls `on_write` before each block, so that packing can be stopped like writing rows.

    After an exception (a stop, a full disk) everything else is thrown away: an archive still writes its end when it is
    closed.
    """

    def __init__(self, target: BinaryIO, on_write: Callable[[], None]) -> None:
        self.target = target
        self.on_write = on_write
        self.is_abandoned = False

    def write(self, block: bytes) -> int:
        if self.is_abandoned:
            return len(block)
        try:
            self.on_write()
            return self.target.write(block)
        except BaseException:
            self.is_abandoned = True
            raise

    def flush(self) -> None:
        if not self.is_abandoned:
            self.target.flush()


def write(rows: ReportRows, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write the sheets through temporary files; see FileFormat."""
    return _write(rows, target, on_progress)


def write_with_totals(rows: ReportRows, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write the sheets, and the control totals in a last sheet of their own; see FileFormat."""
    return _write(rows, target, on_progress, _add_totals)


def _write(
    rows: ReportRows,
    target: BinaryIO,
    on_progress: OnProgress,
    add: Callable[[Workbook, Iterable[Line]], None] | None = None,
) -> int:
    written = 0
    with temporary_folder(FOLDER_PREFIX) as folder:
        # ZIP64 is used only for files over 4 GB.
        options = {"constant_memory": True, "tmpdir": folder, "use_zip64": True}
        workbook = Workbook(_ReportingTarget(target, lambda: on_progress(written)), options)
        workbook.set_properties({"created": _CREATED})
        sheets = _Sheets(workbook, rows.columns)
        with rows.copying(map(_cell, rows.columns), "FORMAT text") as copy:
            copy.set_types([_TYPES.get(column.kind, "text") for column in rows.columns])
            for row in copy.rows():
                sheets.write(row)
                written += 1
                on_progress(written)
        sheets.end()
        if add:
            add(workbook, rows.totals.lines(rows.columns))
        _close(workbook)
    return written


def _close(workbook: Workbook) -> None:
    """Pack the sheets into the target. A full disk raises its own OSError, not an error of the workbook."""
    try:
        workbook.close()
    except FileCreateError as error:
        cause = error.__context__
        raise cause if isinstance(cause, OSError) else error from None


def _add_totals(workbook: Workbook, lines: Iterable[Line]) -> None:
    sheet = workbook.add_worksheet("Totals")
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 1, _MOST_WIDTH * 2 / 3)
    sheet.set_column(2, 3, _LEAST_WIDTH)
    bold = workbook.add_format({"bold": True})
    for place, heading in enumerate(["Total", "Amount", "Unit", "Of"]):
        sheet.write_string(0, place, heading, bold)
    for number, line in enumerate(lines, start=1):
        is_duration = line.unit == MILLISECONDS
        sheet.write_string(number, 0, line.name)
        if is_duration:
            shown = workbook.add_format({"num_format": _DURATION})
            sheet.write_number(number, 1, line.amount / _IN_A_DAY[ColumnKind.DURATION], shown)
        elif len(line.amount.as_tuple().digits) > EXACT_DIGITS:
            sheet.write_string(number, 1, f"{line.amount:f}")
        else:
            places = max(0, -int(line.amount.as_tuple().exponent))
            sheet.write_number(number, 1, line.amount, workbook.add_format({"num_format": f"{0:.{places}f}"}))
        sheet.write_string(number, 2, "" if is_duration else line.unit)
        sheet.write_string(number, 3, escape_formula(line.group))


def read(source: BinaryIO, columns: tuple[ReportColumn, ...]) -> Iterator[Cells]:
    """Read the rows of all sheets back, except the control totals; see FileFormat."""
    yield from rows_of(source, [_NUMBERS.get(column.kind, str) for column in columns], sheets=_DATA)


def _units(column_kind: ColumnKind, number: str) -> int:
    """Return the whole days or milliseconds, by kind, of the number of days in a cell."""
    return round(float(number) * _IN_A_DAY[column_kind])


_NUMBERS: dict[ColumnKind, ReadNumber] = {
    ColumnKind.DATE: lambda number: (_DAY_0 + timedelta(days=_units(ColumnKind.DATE, number))).date().isoformat(),
    ColumnKind.INSTANT: lambda number: _instant_text(_units(ColumnKind.INSTANT, number)),
    ColumnKind.DURATION: lambda number: duration_text(_units(ColumnKind.DURATION, number)),
}


FILE_FORMAT = FileFormat(
    slug="xlsx",
    title="Excel (XLSX)",
    content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    write=write,
    write_with_totals=write_with_totals,
    read=read,
    place=2,
)
