"""JSON Lines for programs: one object per row, keyed by the headings. The database makes the lines, through COPY.

Numbers have the digits of the CSV, which are exact; a reader keeps them exact by parsing them as decimals. Dates,
instants and durations are the CSV's text. Text is raw, without an apostrophe for spreadsheets. An empty cell is null.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from psycopg import sql

from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows, pour
from reports.formats.csv import csv_cell
from usage.files.formulas import escape_formula

# COPY quotes a value that holds one of these characters or a line break. JSON escapes all of them, so none is quoted.
_AS_IT_IS = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"


def _cell(column: ReportColumn) -> sql.Composed:
    if column.kind is ColumnKind.TEXT:
        value = sql.SQL("to_json(nullif({}, ''))::text").format(column.value)
    elif column.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL):
        value = sql.SQL("({})::text").format(csv_cell(column))
    else:
        value = sql.SQL("""'"' || {} || '"'""").format(csv_cell(column))
    return sql.SQL("coalesce({}, 'null')").format(value)


def _line(columns: tuple[ReportColumn, ...]) -> sql.Composed:
    parts: list[sql.Composable] = []
    for number, column in enumerate(columns):
        key = json.dumps(column.heading, ensure_ascii=False)
        parts += [sql.Literal(f"{',' if number else '{'}{key}:"), _cell(column)]
    return sql.SQL("{} || '}}'").format(sql.SQL(" || ").join(parts))


def write(rows: ReportRows, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write a line for each row, and no headings; see FileFormat."""
    with rows.copying([_line(rows.columns)], _AS_IT_IS) as copy:
        return pour(copy, target, on_progress)


def read(source: BinaryIO, columns: tuple[ReportColumn, ...]) -> Iterator[Cells]:
    """Read the rows back; see FileFormat."""
    guards = [(column.heading, column.kind is ColumnKind.TEXT) for column in columns]
    for line in source:
        row = json.loads(line, parse_int=str, parse_float=str)  # keep the digits as they are
        cells = [(row[heading], is_text) for heading, is_text in guards]
        yield [escape_formula(cell) if is_text and cell else cell for cell, is_text in cells]


FILE_FORMAT = FileFormat(
    slug="jsonl", title="JSON Lines", content_type="application/jsonl", write=write, read=read, place=5
)
