"""JSON Lines for programs: one object per row, its keys the headings; the database makes the lines, through COPY.

Numbers have the digits of the CSV, which are exact: a reader that wants them to stay so takes them as decimals. Dates,
instants and durations are the CSV's text; text is raw, without the apostrophe of a spreadsheet; an empty cell is null.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from psycopg import sql

from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows, pour
from reports.formats.csv import csv_cell, escape_formula

# COPY quotes a value that holds one of these, or the end of a line; in JSON all of them are escaped. So it never does.
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
    """Write a line for each row, and nothing else; see FileFormat."""
    with rows.copying([_line(rows.columns)], _AS_IT_IS) as copy:
        return pour(copy, target, on_progress)


def read(source: BinaryIO, columns: tuple[ReportColumn, ...]) -> Iterator[Cells]:
    """Read the rows back; see FileFormat."""
    guards = [(column.heading, column.kind is ColumnKind.TEXT) for column in columns]
    for line in source:
        row = json.loads(line, parse_int=str, parse_float=str)  # the digits as they stand
        cells = [(row[heading], is_text) for heading, is_text in guards]
        yield [escape_formula(cell) if is_text and cell else cell for cell, is_text in cells]


FILE_FORMAT = FileFormat(
    slug="jsonl", title="JSON Lines", content_type="application/jsonl", write=write, read=read, place=5
)
