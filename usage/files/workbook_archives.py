"""Inspect the ZIP archive of a workbook: its directory and how its parts begin, before anything else is read."""

import re
import zipfile
from collections.abc import Mapping
from posixpath import join, normpath
from xml.etree import ElementTree as ET

MAX_PARTS = 10_000
MAX_UNPACKED = 1 << 30
# No spreadsheet program compresses that tightly; parts smaller than HARMLESS bytes do no harm.
MAX_RATIO = 250
HARMLESS = 10_000_000
SAVE_AGAIN = "Open it in a spreadsheet program, save it as .xlsx, and upload that."

_READ = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|xl/[^/]+\.xml|xl/_rels/[^/]+\.rels|xl/worksheets/.+[.](?:xml|rels)"
)
_BEGINNING = 1 << 16
_ROOT = re.compile(rb"<[A-Za-z_]")
_BLANKS = re.compile(rb"[ \t\r\n]*")
_ENCODING = re.compile(rb"""<\?xml\s[^>]*\bencoding\s*=\s*["'](?!utf-?8["'])""", re.IGNORECASE)

Parts = Mapping[str, zipfile.ZipInfo]


class RefusedError(Exception):
    """The workbook cannot be used: a sentence, and the row where the problem was found."""

    def __init__(self, sentence: str, line: int = 1) -> None:
        super().__init__(sentence)
        self.line = line


def look(archive: zipfile.ZipFile) -> Parts:
    """Check the archive, unpacking no more than how its parts begin. Return its parts by lower-case name."""
    listed = archive.infolist()
    if len(listed) > MAX_PARTS:
        raise RefusedError(f"The workbook has {len(listed):,} parts; no spreadsheet has that many. {SAVE_AGAIN}")
    # Some programs write backslashes, and names are compared without regard to case.
    parts = {part.filename.replace("\\", "/").lower(): part for part in listed}
    if any(part.flag_bits & 1 for part in listed):
        raise RefusedError("The workbook is protected by a password. Save it without one.")
    if "xl/workbook.bin" in parts:
        raise RefusedError(f"This is a binary workbook (.xlsb). {SAVE_AGAIN}")
    if "xl/workbook.xml" not in parts:
        raise RefusedError("This is a ZIP archive but no XLSX workbook. Upload a table, as .xlsx or .csv.")
    if len(parts) != len(listed):
        raise RefusedError(f"The workbook has two parts with the same name. {SAVE_AGAIN}")
    if any(part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for part in listed):
        raise RefusedError(f"The workbook is compressed in a way that no spreadsheet uses. {SAVE_AGAIN}")
    _refuse_bombs(listed, archive.start_dir)
    for name, part in parts.items():
        if _READ.fullmatch(name):
            with archive.open(part) as file:
                refuse_foreign_xml(file.read(_BEGINNING))
    return parts


def _refuse_bombs(parts: list[zipfile.ZipInfo], end: int) -> None:
    for part in sorted(parts, key=lambda part: part.header_offset, reverse=True):
        if part.header_offset + 30 + len(part.filename) + part.compress_size > end:
            raise RefusedError(f"The parts of the workbook overlap, as in a ZIP bomb. {SAVE_AGAIN}")
        end = part.header_offset
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED:
        raise RefusedError(
            f"The workbook unpacks to {unpacked / 1e9:,.1f} GB, which is too much. Save the sheet as CSV."
        )
    if any(part.file_size > max(HARMLESS, MAX_RATIO * part.compress_size) for part in parts):
        raise RefusedError("The workbook unpacks to far more than a spreadsheet would, as a ZIP bomb does.")


def refuse_foreign_xml(beginning: bytes) -> None:
    """Raise RefusedError for dangerous XML, whose declarations precede the first element, and for XML not in UTF-8."""
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in beginning[:4] or _ENCODING.match(beginning):
        raise RefusedError(
            f"The workbook's parts are not in UTF-8, which every spreadsheet program writes. {SAVE_AGAIN}"
        )
    place = 3 if beginning.startswith(b"\xef\xbb\xbf") else 0
    while True:
        place = _after(_BLANKS, beginning, place)
        if beginning.startswith(b"<?", place):
            closing = beginning.find(b"?>", place)
        elif beginning.startswith(b"<!--", place):
            closing = beginning.find(b"-->", place + 4)
        else:
            break
        if closing < 0:
            break
        place = closing + (2 if beginning.startswith(b"?>", closing) else 3)
    if beginning.startswith(b"<!DOCTYPE", place):
        raise RefusedError(f"The workbook declares entities of its own, which no spreadsheet does. {SAVE_AGAIN}")
    if place < len(beginning) and not _ROOT.match(beginning, place):
        raise RefusedError(f"The workbook is broken: a part of it is not XML. {SAVE_AGAIN}")


def _after(pattern: re.Pattern[bytes], data: bytes, place: int) -> int:
    match = pattern.match(data, place)
    return match.end() if match else place


def sheet_parts(archive: zipfile.ZipFile, parts: Parts) -> dict[str, zipfile.ZipInfo]:
    """Return the part of each sheet that has one, by the sheet's name. Raise what broken archives and XML raise."""
    relations = {relation.get("Id"): _path(relation) for relation in _relations(archive, parts)}
    found: dict[str, zipfile.ZipInfo] = {}
    for sheet in ET.fromstring(archive.read(parts["xl/workbook.xml"])).iter():  # noqa: S314 - see look()
        if sheet.tag.endswith("}sheet"):
            name = sheet.get("name", "")
            if name in found:
                raise RefusedError(f"The workbook has two sheets with the same name. {SAVE_AGAIN}")
            # The namespace of the attribute depends on the edition of the standard.
            relation = next((value for key, value in sheet.items() if key.endswith("}id")), "")
            path = relations.get(relation, "")
            if path in parts:
                found[name] = parts[path]
    return found


def styles_part(archive: zipfile.ZipFile, parts: Parts) -> zipfile.ZipInfo | None:
    """Return the part of styles, if the workbook has one. Raise what broken archives and XML raise."""
    paths = [_path(one) for one in _relations(archive, parts) if one.get("Type", "").endswith("/styles")]
    return next((parts[path] for path in paths if path in parts), None)


def _relations(archive: zipfile.ZipFile, parts: Parts) -> ET.Element:
    return ET.fromstring(archive.read(parts["xl/_rels/workbook.xml.rels"]))  # noqa: S314 - see look()


def _path(relation: ET.Element) -> str:
    return normpath(join("/xl", relation.get("Target", "").replace("\\", "/"))).lstrip("/").lower()
