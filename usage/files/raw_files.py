"""A file as it was uploaded, CSV or XLSX, opened as rows of text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from usage.files.csv_dialects import dialect_of
from usage.files.csv_files import CsvFile
from usage.files.workbooks import as_csv, is_workbook, refuse_cut_off


def refuse_other_formats(file: BinaryIO) -> None:
    """Raise FileRefusedError for what is neither CSV nor XLSX at first sight; nothing is unpacked."""
    if is_workbook(file):
        refuse_cut_off(file)
    else:
        dialect_of(file)


@contextmanager
def opened(file: BinaryIO) -> Iterator[CsvFile]:
    """The rows of a seekable file. Raises FileRefusedError when it is, or turns out to be, none that can be read."""
    if is_workbook(file):
        with as_csv(file) as rows:
            yield CsvFile(rows, is_numbered=True)
    else:
        yield CsvFile(file)
