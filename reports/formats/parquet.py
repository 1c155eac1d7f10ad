"""Parquet for programs: typed columns, compressed with zstd. The database copies CSV, which Arrow reads in blocks.

Text is raw, without the apostrophe of a spreadsheet; an empty cell is null.
"""

from typing import TYPE_CHECKING, Any, BinaryIO

from psycopg import sql

from reports.file_format import FileFormat, Progress
from reports.formats.csv import cell_text
from reports.report_type import Column, Kind
from reports.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

# Of CSV: what is in memory at a time, and one row group of the file; some 50,000 calls.
BYTES_PER_BLOCK = 8 * 1024 * 1024
# The most that 128 bits hold.
_DIGITS = 38
# Left out when it is read: Arrow skips a byte order mark at the start, with which the first cell may begin.
_SKIPPED = b"-\n"


def _cell(column: Column) -> sql.Composable:
    match column.kind:
        case Kind.TEXT:
            return sql.SQL("nullif({}, '')").format(column.value)
        case Kind.DURATION:
            return sql.SQL("({})::bigint").format(column.value)
        case _:
            return cell_text(column)


def _schema(columns: tuple[Column, ...]) -> "pa.Schema":
    import pyarrow as pa

    types: dict[Kind, Any] = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.DATE: pa.date32(),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
        Kind.DURATION: pa.duration("ms"),
    }
    return pa.schema(
        (
            column.heading,
            pa.decimal128(_DIGITS, column.decimals[1]) if column.kind is Kind.DECIMAL else types[column.kind],
        )
        for column in columns
    )


def _table(block: bytearray, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    milliseconds = pa.int64()  # Arrow reads no durations
    read = {field.name: milliseconds if pa.types.is_duration(field.type) else field.type for field in schema}
    table = csv.read_csv(
        pa.py_buffer(block),
        read_options=csv.ReadOptions(column_names=schema.names, skip_rows=1, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=read, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return table.cast(schema)


def write(rows: Rows, target: BinaryIO, progress: Progress) -> int:
    """Write the columns, a row group for each block of rows; see FileFormat."""
    from pyarrow import parquet

    schema = _schema(rows.columns)
    written = 0
    block = bytearray(_SKIPPED)
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        with rows.copying(map(_cell, rows.columns)) as copy:
            for row in copy:
                block += row
                written += 1
                progress(written)
                if len(block) >= BYTES_PER_BLOCK:
                    writer.write_table(_table(block, schema))
                    block = bytearray(_SKIPPED)
        if len(block) > len(_SKIPPED):
            writer.write_table(_table(block, schema))
    return written


FILE_FORMAT = FileFormat(
    slug="parquet", title="Parquet", content_type="application/vnd.apache.parquet", write=write, place=4
)
