"""Parquet for programs: typed columns, compressed with zstd. The database copies CSV, which Arrow reads in blocks.

Text is raw, without an apostrophe for spreadsheets. An empty cell is null.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from psycopg import sql

from reports.engine.cells import decimal_text, duration_text
from reports.engine.file_format import Cells, FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn
from reports.engine.rows import OnProgress, ReportRows, blocks
from reports.formats.csv import csv_cell
from usage.files.formulas import escape_formula

if TYPE_CHECKING:
    import pyarrow as pa

# The CSV held in memory at a time, which becomes one row group of the file: some 50,000 calls.
BYTES_PER_BLOCK = 8 * 1024 * 1024
ROWS_PER_BATCH = 10_000
# The most digits that 128 bits hold.
_DIGITS = 38
# A first line that is skipped on reading. Arrow drops a byte order mark at the very start of its input, and the first
# cell may begin with one.
_SKIPPED = b"-\n"


def _cell(column: ReportColumn) -> sql.Composable:
    match column.kind:
        case ColumnKind.TEXT:
            return sql.SQL("nullif({}, '')").format(column.value)
        case ColumnKind.DURATION:
            return sql.SQL("({})::bigint").format(column.value)
        case _:
            return csv_cell(column)


def _schema(columns: tuple[ReportColumn, ...]) -> "pa.Schema":
    import pyarrow as pa

    types: dict[ColumnKind, Any] = {
        ColumnKind.TEXT: pa.string(),
        ColumnKind.INTEGER: pa.int64(),
        ColumnKind.DATE: pa.date32(),
        ColumnKind.INSTANT: pa.timestamp("us", tz="UTC"),
        ColumnKind.DURATION: pa.duration("ms"),
    }
    return pa.schema(
        (
            column.heading,
            pa.decimal128(_DIGITS, column.decimals[1]) if column.kind is ColumnKind.DECIMAL else types[column.kind],
        )
        for column in columns
    )


def _table(text: bytearray, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    milliseconds = pa.int64()  # Arrow cannot read durations
    read = {field.name: milliseconds if pa.types.is_duration(field.type) else field.type for field in schema}
    table = csv.read_csv(
        pa.py_buffer(text),
        read_options=csv.ReadOptions(column_names=schema.names, skip_rows=1, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=read, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return table.cast(schema)


def write(rows: ReportRows, target: BinaryIO, on_progress: OnProgress) -> int:
    """Write a row group for each block of rows; see FileFormat."""
    from pyarrow import parquet

    schema = _schema(rows.columns)
    written = 0
    text = bytearray(_SKIPPED)
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        with rows.copying(map(_cell, rows.columns)) as copy:
            for block in blocks(copy):
                text += b"".join(block)
                written += len(block)
                on_progress(written)
                if len(text) >= BYTES_PER_BLOCK:
                    writer.write_table(_table(text, schema))
                    text = bytearray(_SKIPPED)
        if len(text) > len(_SKIPPED):
            writer.write_table(_table(text, schema))
    return written


def read(source: BinaryIO, columns: tuple[ReportColumn, ...]) -> Iterator[Cells]:
    """Read the rows back; see FileFormat."""
    from pyarrow import parquet

    with parquet.ParquetFile(source) as file:
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=[column.heading for column in columns]):
            yield from map(list, zip(*map(_texts, columns, batch.columns), strict=True))


def _texts(column: ReportColumn, cells: "pa.Array") -> Cells:
    """Return the cells of a column as text of CSV."""
    import pyarrow as pa

    show: Callable[[Any], str] = str
    match column.kind:
        case ColumnKind.TEXT:
            show = escape_formula
        case ColumnKind.DECIMAL:
            show = partial(decimal_text, least=column.decimals[0], most=column.decimals[1])
        case ColumnKind.DURATION:
            cells, show = cells.cast(pa.int64()), duration_text
        case ColumnKind.DATE:
            show = date.isoformat
        case ColumnKind.INSTANT:
            # 2017-10-21 09:14:03.250Z
            cells, show = cells.cast(pa.timestamp("ms", tz="UTC")).cast(pa.string()), _instant_text
    return [None if cell is None else show(cell) for cell in cells.to_pylist()]


def _instant_text(text: str) -> str:
    return text.replace(" ", "T")


FILE_FORMAT = FileFormat(
    slug="parquet", title="Parquet", content_type="application/vnd.apache.parquet", write=write, read=read, place=4
)
