"""Open a raw file, CSV or XLSX, as rows of text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from usage.files.csv_dialects import dialect_of
from usage.files.csv_files import CsvFile
from usage.files.workbooks import as_csv, is_workbook, refuse_cut_off


def refuse_other_formats(file: BinaryIO) -> None:
    """Raise FileRefusedError if the file is recognizably neither CSV nor XLSX. Nothing is unpacked."""
    if is_workbook(file):
        refuse_cut_off(file)
    else:
        dialect_of(file)


@contextmanager
def opened(file: BinaryIO) -> Iterator[CsvFile]:
    """Yield a seekable file as CSV. Raise FileRefusedError when it is unreadable, or turns out to be while reading."""
    if is_workbook(file):
        with as_csv(file) as (rows, notices):
            yield CsvFile(rows, is_numbered=True, notices=notices)
    else:
        yield CsvFile(file)
