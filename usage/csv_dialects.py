"""How a CSV file is written: its encoding, found by its first bytes, and the mark between its cells, by its header."""

import codecs
import csv
import io
from dataclasses import dataclass
from typing import BinaryIO

from usage.verdicts import refusal

DELIMITERS = (",", ";", "\t")
_START = 1 << 16
_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True)
class Dialect:
    """Encoding, delimiter, and at which byte the header begins."""

    encoding: str
    start: int
    delimiter: str

    @property
    def encoding_name(self) -> str:
        """The encoding as people call it."""
        return "UTF-8" if self.encoding == "utf-8" else "UTF-16"


def dialect_of(file: BinaryIO) -> Dialect:
    """How a seekable file is written. Raises FileRefusedError for what is no CSV file at first sight."""
    file.seek(0)
    data = file.read(_START)
    _refuse_other_formats(data)
    bom = next((bom for bom in _ENCODINGS if data.startswith(bom)), b"")
    encoding = _ENCODINGS.get(bom, "utf-8")
    if not bom and data[:64].count(0) > 8:
        raise refusal("The file is not in UTF-8 (it looks like UTF-16). Save it as CSV (UTF-8) and upload that.")
    text = data[len(bom) :].decode(encoding, errors="replace")
    if not text.strip("\ufeff \t\r\n"):
        raise refusal("The file is empty; it needs a header row with the names of the columns.")
    return Dialect(encoding, len(bom), max(DELIMITERS, key=lambda mark: _cells(text, mark)))


def _refuse_other_formats(data: bytes) -> None:
    if data.startswith((b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")):
        raise refusal(
            "This is neither a CSV file nor an XLSX workbook, but a document, an archive, or a workbook of an old kind "
            "or with a password. Save the table as XLSX without a password, or as CSV (UTF-8), and upload that."
        )
    if data.startswith(_UTF32):
        raise refusal("The file is in UTF-32. Save it as CSV (UTF-8) and upload that.")


def _cells(text: str, delimiter: str) -> int:
    """How many cells the first row would have, as far as it is at hand."""
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))
    except csv.Error:
        return 0
