"""JSON Lines for programs: one object per row, its keys the headings; the database makes the lines, through COPY.

Numbers have the digits of the CSV, which are exact: a reader that wants them to stay so takes them as decimals. Dates,
instants and durations are the CSV's text; text is raw, without the apostrophe of a spreadsheet; an empty cell is null.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from psycopg import sql

from reports.engine.file_format import Cells, FileFormat, Progress
from reports.engine.report_type import Column, Kind
from reports.engine.rows import Rows, pour
from reports.formats.csv import cell_text, guarded

# COPY quotes a value that holds one of these, or the end of a line; in JSON all of them are escaped. So it never does.
_AS_IT_IS = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"


def _cell(column: Column) -> sql.Composed:
    if column.kind is Kind.TEXT:
        value = sql.SQL("to_json(nullif({}, ''))::text").format(column.value)
    elif column.kind in (Kind.INTEGER, Kind.DECIMAL):
        value = sql.SQL("({})::text").format(cell_text(column))
    else:
        value = sql.SQL("""'"' || {} || '"'""").format(cell_text(column))
    return sql.SQL("coalesce({}, 'null')").format(value)


def _line(columns: tuple[Column, ...]) -> sql.Composed:
    parts: list[sql.Composable] = []
    for number, column in enumerate(columns):
        key = json.dumps(column.heading, ensure_ascii=False)
        parts += [sql.Literal(f"{',' if number else '{'}{key}:"), _cell(column)]
    return sql.SQL("{} || '}}'").format(sql.SQL(" || ").join(parts))


def write(rows: Rows, target: BinaryIO, progress: Progress) -> int:
    """Write a line for each row, and nothing else; see FileFormat."""
    with rows.copying([_line(rows.columns)], _AS_IT_IS) as copy:
        return pour(copy, target, progress)


def read(source: BinaryIO, columns: tuple[Column, ...]) -> Iterator[Cells]:
    """Read the rows back; see FileFormat."""
    guards = [(column.heading, column.kind is Kind.TEXT) for column in columns]
    for line in source:
        row = json.loads(line, parse_int=str, parse_float=str)  # the digits as they stand
        cells = [(row[heading], is_text) for heading, is_text in guards]
        yield [guarded(cell) if is_text and cell else cell for cell, is_text in cells]


FILE_FORMAT = FileFormat(
    slug="jsonl", title="JSON Lines", content_type="application/jsonl", write=write, read=read, place=5
)
