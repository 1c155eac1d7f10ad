"""Detect the dialect of a CSV file: the encoding by its first bytes, the delimiter by its header."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from usage.files.errors import refusal

DELIMITERS = (",", ";", "\t")
_START = 1 << 16
_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_SEPARATE = "Use commas, semicolons or tabs, and correct or remove that line."
_DOCUMENT = (
    "This is neither a CSV file nor an XLSX workbook, but a document, an archive, or a workbook in an old format "
    "or with a password. Save the table as XLSX without a password, or as CSV (UTF-8), and upload that."
)
_PICTURE = "This is a picture. Save the table as XLSX or as CSV (UTF-8), and upload that."
_MARKUP = (
    "This is a web page or another markup file, whatever its name says. Open it in a spreadsheet program, save it as "
    ".xlsx or as CSV (UTF-8), and upload that."
)
# How other files begin; an empty archive and a split one are no workbooks either.
_DOCUMENTS = (b"%PDF", b"{\\rtf", b"\xd0\xcf\x11\xe0", b"PK\x05\x06", b"PK\x07\x08", b"Rar!", b"7z\xbc\xaf\x27\x1c")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PAR1", b"SQLite format 3")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
_TAGS = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<head", b"<body")
# The end of a file, as programs of DOS mark it (Ctrl-Z).
_END_MARK = re.compile(r"\x1a[\x1a\s]*\Z")
_END = 1 << 10
_SEP = re.compile(r'"?sep=([^\r\n]?)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """The encoding, the byte where the header begins (after a line of Excel such as `sep=;`), and the delimiter.

    `end` is the byte where the rows end, if an end-of-file mark (Ctrl-Z) follows them.
    """

    encoding: str
    start: int
    delimiter: str
    end: int | None = None

    @property
    def encoding_name(self) -> str:
        """Return the encoding's usual name."""
        return "UTF-8" if self.encoding == "utf-8" else "UTF-16"


def dialect_of(file: BinaryIO) -> Dialect:
    """Return the dialect of a seekable file. Raise FileRefusedError if it is recognizably no CSV file."""
    file.seek(0)
    data = file.read(_START)
    _refuse_other_formats(data)
    bom = next((bom for bom in _ENCODINGS if data.startswith(bom)), b"")
    encoding = _ENCODINGS.get(bom, "utf-8")
    if not bom and data[:64].count(0) > 8:
        raise refusal(
            "The file is not in UTF-8 (it looks like UTF-16 or UTF-32). Save it as CSV (UTF-8) and upload that."
        )
    end = _end_of(file, encoding)
    start, mark = _after_boms(data[:end], bom), ""
    text = data[start:end].decode(encoding, errors="replace")
    if said := _SEP.match(text):
        mark = said[1]
        if mark not in DELIMITERS:
            raise refusal(f"The first line says that the columns are separated by '{mark}'. {_SEPARATE}")
        start, text = start + len(said[0].encode(encoding)), text[said.end() :]
    if not text.strip("\ufeff \t\r\n"):
        raise refusal("The file is empty; it needs a header row with the names of the columns.")
    return Dialect(encoding, start, mark or max(DELIMITERS, key=lambda mark: _cells(text, mark)), end)


def _after_boms(data: bytes, bom: bytes) -> int:
    """Return where the text begins: some programs write a byte order mark before one that is there already."""
    start = 0
    while bom and data.startswith(bom, start):
        start += len(bom)
    return start


def _end_of(file: BinaryIO, encoding: str) -> int | None:
    """Return the byte where an end-of-file mark begins; None if the file does not end in one."""
    size = file.seek(0, io.SEEK_END)
    width = 1 if encoding == "utf-8" else 2
    if size % width:
        return None
    file.seek(max(size - _END, 0))
    # As Latin-1 each byte is a character, so that the end of a long character cut in two does no harm.
    found = _END_MARK.search(file.read(_END).decode("latin-1" if width == 1 else encoding, errors="replace"))
    return size - len(found[0]) * width if found else None


def _refuse_other_formats(data: bytes) -> None:
    if data.startswith((*_DOCUMENTS, *_PACKED)):
        raise refusal(_DOCUMENT)
    if data.startswith(_PICTURES):
        raise refusal(_PICTURE)
    if data[:1000].removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(_TAGS):
        raise refusal(_MARKUP)
    if data.startswith(_UTF32):
        raise refusal("The file is in UTF-32. Save it as CSV (UTF-8) and upload that.")


def _cells(text: str, delimiter: str) -> int:
    """Return how many cells the first row has with this delimiter, as far as the row has been read."""
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)))
    except csv.Error:
        return 0
