"""A corpus of broken, hostile and odd files. Each is built on demand, the large ones in pieces."""

import codecs
import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.usage_files import COLUMNS
from tests.workbooks import MAIN, RELATIONS, Xml, packed, parts, sheet, workbook

Make = Callable[[], bytes | Iterable[bytes]]

CSV = b"code,name\nACME,Acme\nBETA,Beta\n"
TEXT = CSV.decode()
HEADER = ["code", "name"]
ROWS = (HEADER, ["ACME", "Acme"], ["BETA", "Beta"])
GOOD = workbook(*ROWS)
SHEET = "xl/worksheets/sheet1.xml"
STYLE_PART = "xl/styles.xml"
RATES = COLUMNS["rates"].split(",")
RATE = ["Standard", "USD", "2026-01-01", "US", "US", "voice", "Inbound", 0.01]

BROKEN = "The workbook is broken"
NO_TABLE = "This is neither a CSV file nor an XLSX workbook, but a document, an archive,"
ENTITIES = "The workbook declares entities of its own, which no spreadsheet does."
RUINED = "A spreadsheet took this text for a number and its digits are lost"
FROM, NO_DAY = "effective_from", "Not a valid date. Use 2026-03-01."

EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)) + "]>"
)
ERROR = Xml('<c r="{}" t="e"><v>#REF!</v></c>')


def inline(text: str) -> Xml:
    """Return a cell of text whose XML is written by hand."""
    return Xml(f'<c r="{{}}" t="inlineStr"><is><t>{text}</t></is></c>')


def raw(value: str, attributes: str = "") -> Xml:
    """Return a cell whose value is written by hand."""
    return Xml(f'<c r="{{}}" {attributes}><v>{value}</v></c>')


def formatted(code: str, cell: str) -> Make:
    """Return the good workbook with one more row, of which a cell has style 1, which is of this format."""

    def make() -> bytes:
        named = parts(Data=sheet(*ROWS, ["GAMMA", Xml(cell)]))
        named[STYLE_PART] = (
            f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="{code}"/></numFmts>'
            '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>'
        )
        return packed(named)

    return make


def entities_in_far_styles() -> bytes:
    """Return the good workbook, whose styles are where no program puts them, and declare entities."""
    named = good_parts()
    relations = "xl/_rels/workbook.xml.rels"
    named[relations] = named[relations].replace("styles.xml", "odd/styles.xml")
    return packed({**named, "xl/odd/styles.xml": f"{LAUGHS}{named.pop(STYLE_PART)}"})


def good_parts() -> dict[str, str]:
    """Return the parts of the good workbook."""
    return parts(Data=sheet(*ROWS))


def changed(name: str, change: Callable[[str], str | bytes]) -> Make:
    """Return the good workbook with one part changed, or with a new one."""

    def make() -> bytes:
        named = good_parts()
        content = change(named.get(name, ""))
        return packed({**named, name: content if isinstance(content, str) else [content]})

    return make


def declaring(declared: str, name: str) -> Make:
    """Return the good workbook, of which one part begins with declarations."""
    return changed(name, lambda xml: declared + (xml or "<a/>"))


def renamed(change: Callable[[str], str]) -> Make:
    """Return the good workbook with other names for its parts."""
    return lambda: packed({change(name): content for name, content in good_parts().items()})


def rate(column: str, value: Any) -> Make:
    """Return a workbook of one rate with one cell of another value."""
    return lambda: workbook(RATES, [value if name == column else cell for name, cell in zip(RATES, RATE, strict=True)])


def rows(*more: Any) -> Make:
    """Return a workbook of the header and other rows."""
    return lambda: workbook(HEADER, *more)


# Archives whose bytes are bent


def directory_entry(data: bytes, name: str) -> int:
    """Return where a part's entry in the directory of the archive begins."""
    return data.rindex(name.encode()) - 46


def bent(data: bytes, name: str, *, local: int, central: int, value: bytes) -> bytes:
    """Return an archive with a field of one part overwritten at both of its places."""
    here, there = data.index(name.encode()) - 30 + local, directory_entry(data, name) + central
    data = data[:here] + value + data[here + len(value) :]
    return data[:there] + value + data[there + len(value) :]


def of_method(method: int) -> Make:
    """Return the good workbook, its sheet compressed (or said to be) in another way."""
    return lambda: bent(GOOD, SHEET, local=8, central=10, value=struct.pack("<H", method))


def encrypted() -> bytes:
    """Return the good workbook, its sheet marked as encrypted."""
    return bent(GOOD, SHEET, local=6, central=8, value=struct.pack("<H", 1))


def damaged() -> bytes:
    """Return the good workbook with bytes in the middle of its sheet reversed."""
    place = GOOD.index(SHEET.encode()) + 60
    return GOOD[:place] + bytes(255 - byte for byte in GOOD[place : place + 40]) + GOOD[place + 40 :]


def overlapping() -> bytes:
    """Return two names for one part, the way ZIP bombs are made."""
    data = packed({**good_parts(), "xl/media/a.xml": "a" * 50, "xl/media/b.xml": "b" * 50})
    first, second = directory_entry(data, "xl/media/a.xml"), directory_entry(data, "xl/media/b.xml")
    return data[: second + 42] + data[first + 42 : first + 46] + data[second + 46 :]


def of_unpacked_size(size: int, name: str = SHEET) -> Make:
    """Return the good workbook, of which one part claims to unpack to `size` bytes."""
    return lambda: bent(GOOD, name, local=22, central=24, value=struct.pack("<I", size))


def bomb(name: str) -> Make:
    """Return the good workbook and a part of 200 MB that packs to a thousandth."""
    return lambda: packed({**good_parts(), name: [bytes(2_000_000)] * 100})


def lying_bomb() -> bytes:
    """Return a sheet of 300 MB that its directory says to be small."""
    start = sheet(HEADER).replace("</sheetData></worksheet>", '<row><c t="inlineStr"><is><t>')
    data = packed({**parts(Data=""), SHEET: [start.encode(), *[b"0" * 2_000_000] * 150]})
    place = directory_entry(data, SHEET)
    return data[: place + 24] + struct.pack("<I", 1000) + data[place + 28 :]


def nested() -> bytes:
    """Return the good workbook with a picture that is an archive of archives of zeros."""
    inner = packed({"zeros": [bytes(2_000_000)] * 20})
    for depth in range(3):
        inner = packed({f"{depth}-{number}.zip": [inner] for number in range(8)})
    return packed({**good_parts(), "xl/media/image1.png": [inner]})


def linked() -> bytes:
    """Return a workbook whose sheet is a symbolic link."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in good_parts().items():
            entry = zipfile.ZipInfo(name)
            if name == SHEET:
                entry.external_attr, content = 0o120777 << 16, "/etc/passwd"
            archive.writestr(entry, content)
    return file.getvalue()


def climbing() -> bytes:
    """Return a workbook with parts whose names lead out of every folder."""
    return packed({**good_parts(), "../../../../tmp/evil.txt": "evil", "/etc/evil": "evil"})


# Workbooks whose sheets are odd


def several(**sheets: str) -> Make:
    """Return a workbook of some sheets."""
    return lambda: packed(parts(**sheets))


def charts_only() -> bytes:
    """Return a workbook of one sheet, which is a chart."""
    named = parts(Chart="")
    relations = named["xl/_rels/workbook.xml.rels"].replace("/worksheet", "/chartsheet", 1)
    relations = relations.replace("worksheets/sheet1", "chartsheets/sheet1")
    chart = f'<chartsheet xmlns="{MAIN}"><sheetViews/></chartsheet>'
    del named[SHEET]
    return packed({**named, "xl/_rels/workbook.xml.rels": relations, "xl/chartsheets/sheet1.xml": chart})


def shared(index: str, *, claimed: int = 2) -> Make:
    """Return a workbook with two shared texts, or more as it claims, and a cell that shows the one with that number."""

    def make() -> bytes:
        named = parts(Data=sheet(HEADER, ["A", raw(index, 't="s"')]))
        related = named["xl/_rels/workbook.xml.rels"].replace(
            "</Rel", f'<Relationship Id="rIdT" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Rel'
        )
        texts = f'<sst xmlns="{MAIN}" count="2" uniqueCount="{claimed}"><si><t>a</t></si><si><t>b</t></si></sst>'
        return packed({**named, "xl/_rels/workbook.xml.rels": related, "xl/sharedStrings.xml": texts})

    return make


def far(place: str, row: int) -> Make:
    """Return a small workbook with one cell far away."""
    return rows(["A", "B"], f'<row r="{row}"><c r="{place}" t="inlineStr"><is><t>x</t></is></c></row>')


def tall_and_wide() -> bytes:
    """Return a sheet of 60,000 rows, with one cell in the last column there is."""
    lines = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(3, 60_000))
    return workbook(HEADER, ["A", "B", *[None] * 16381, "x"], lines)


def formatted_rows() -> bytes:
    """Return the good workbook with 100,000 empty rows that somebody has given a colour."""
    lines = "".join(f'<row r="{n}"><c r="A{n}" s="1"/><c r="B{n}" s="1"/></row>' for n in range(4, 100_000))
    return workbook(*ROWS, lines)


def merged_behind() -> bytes:
    """Return the good workbook with 150,000 pairs of merged cells, which are listed behind the rows."""
    merged = "".join(f'<mergeCell ref="Z{n}:AA{n}"/>' for n in range(1, 150_000))
    xml = sheet(*ROWS).replace("</sheetData>", f"</sheetData><mergeCells>{merged}</mergeCells>")
    return packed({**good_parts(), SHEET: xml})


def prefixed() -> bytes:
    """Return the good workbook, its sheet written with a prefix for every tag."""
    xml = sheet(*ROWS).replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x=")
    return packed({**good_parts(), SHEET: xml})


def strict() -> bytes:
    """Return the good workbook in the strict edition of the standard, which spreadsheet programs offer to save."""
    named = {
        name: content.replace(RELATIONS, "http://purl.oclc.org/ooxml/officeDocument/relationships").replace(
            MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"
        )
        for name, content in good_parts().items()
    }
    return packed(named)


# CSV files that are large


def long_line() -> Iterator[bytes]:
    """Yield a header, and a line of 100 MB."""
    yield b"code,name\nACME,"
    yield from [b"x" * 1_000_000] * 100


def long_header() -> Iterator[bytes]:
    """Yield a first line of 100 MB."""
    yield from [b"code,name," * 100_000] * 100


def long_line_of_utf16() -> Iterator[bytes]:
    """Yield a first line of 20 MB in UTF-16."""
    yield codecs.BOM_UTF16_LE + "code,name\nACME,".encode("utf-16-le")
    yield from [b"x\x00" * 500_000] * 20


def long_row() -> Iterator[bytes]:
    """Yield one row of 50 MB: cells in quotation marks, each of which goes on for many lines."""
    yield b"code,name\nACME"
    yield from [b',"' + b"Acme\n" * 20_000 + b'"'] * 500


def long_header_row() -> Iterator[bytes]:
    """Yield a first row of 50 MB: cells in quotation marks, each of which goes on for many lines."""
    yield b"code"
    yield from [b',"' + b"Acme\n" * 20_000 + b'"'] * 500


def never_closed() -> Iterator[bytes]:
    """Yield a quotation mark that opens in row 2 and is never closed, and 20 MB of rows."""
    yield b'code,name\nACME,"Acme\n'
    yield from [b"BETA,Beta\n" * 100_000] * 20


def blank_lines() -> Iterator[bytes]:
    """Yield two rows with a million blank lines between them."""
    yield b"code,name\nACME,Acme\n"
    yield b"\n" * 1_000_000
    yield b"BETA,Beta\n"


def broken_rows() -> Iterator[bytes]:
    """Yield a hundred thousand rows, each of which is ragged."""
    yield b"code,name\n"
    yield from [b"ACME\n" * 10_000] * 10


# Files that are refused as a whole, each with a part of the sentence that says why.
REFUSED: Mapping[str, tuple[Make, str]] = {
    "nothing": (lambda: b"", "The file is empty; it needs a header row"),
    "blank lines alone": (lambda: b"\n\n  \r\n\t\n", "The file is empty"),
    "a byte order mark alone": (lambda: codecs.BOM_UTF8, "The file is empty"),
    "a byte order mark of UTF-16 alone": (lambda: codecs.BOM_UTF16_LE, "The file is empty"),
    "a blank first line": (lambda: b"\n" + CSV, "The first row is blank; it must be the header"),
    "Latin-1": (lambda: "c\u00f6de,name\nA,B\n".encode("latin-1"), "The header row cannot be read: The row has bytes"),
    "UTF-16 without a mark": (lambda: TEXT.encode("utf-16-le"), "not in UTF-8 (it looks like UTF-16 or UTF-32)"),
    "UTF-16 of the other kind without a mark": (lambda: TEXT.encode("utf-16-be"), "not in UTF-8 (it looks like"),
    "UTF-32": (lambda: TEXT.encode("utf-32"), "The file is in UTF-32."),
    "UTF-32 of the other kind": (lambda: codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), "The file is in UTF-32."),
    "UTF-32 without a mark": (lambda: TEXT.encode("utf-32-le"), "not in UTF-8 (it looks like"),
    "NUL in the header": (lambda: CSV.replace(b"code", b"co\0de"), "The header row cannot be read: The row contains"),
    "a renamed PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", NO_TABLE),
    "a renamed picture": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "This is a picture."),
    "a renamed photograph": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0", "This is a picture."),
    "a packed CSV file": (lambda: gzip.compress(CSV), NO_TABLE),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "a workbook in an old format"),
    "a workbook with a password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
        "with a password. Save the table as XLSX without a password",
    ),
    "a table of a web page": (lambda: b"\r\n<HTML><table><tr><td>code</table>", "This is a web page"),
    "a workbook of XML": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "This is a web page or another"),
    "an error page": (lambda: b"<!DOCTYPE html><title>502 Bad Gateway</title>", "This is a web page"),
    "an archive of nothing": (lambda: b"PK\5\6" + bytes(18), NO_TABLE),
    "an archive of another kind": (lambda: b"7z\xbc\xaf\x27\x1c\0\4", NO_TABLE),
    "a line of 100 MB": (long_line, "A line of the file has more than 1,000,000 characters"),
    "a first line of 100 MB": (long_header, "A line of the file has more than 1,000,000 characters"),
    "a line of 20 MB in UTF-16": (long_line_of_utf16, "A line of the file has more than 1,000,000 characters"),
    "a row of 50 MB": (long_row, "A row of the file has more than 1,000,000 characters, on several lines"),
    "a first row of 50 MB": (long_header_row, "A row of the file has more than 1,000,000 characters, on several"),
    "20 MB in quotation marks": (never_closed, 'A cell of row 2 has more than 131,072 characters'),
    "a cell of 500 kB": (lambda: CSV + b"G," + b"x" * 500_000, "A cell of row 4 has more than 131,072 characters"),
    "cut off in quotation marks": (lambda: b'code,name\nA,B\nC,"D', 'A quotation mark (") opens in row 3 and is never'),
    "a header that never ends": (lambda: b'"code,name\nA,B\n', 'A quotation mark (") opens in row 1 and is never'),
    "a million commas": (lambda: b"," * 999_990, "The file is empty; it needs a header row"),
    "a million headings": (lambda: b"a," * 400_000 + b"a", "The first row has 400,001 cells; it must be the header"),
    "a thousand columns": (lambda: ",".join(f"c{n}" for n in range(1000)).encode(), "c0: The column is unknown"),
    "bars": (lambda: CSV.replace(b",", b"|"), "The columns are separated by bars"),
    "a separator unheard of": (lambda: b"sep=|\n" + CSV, "The first line says that the columns are separated by '|'."),
    "unknown headings": (lambda: CSV.replace(b"name", b"title"), "title: The column is unknown; the columns are: code"),
    "a heading twice": (lambda: b"code,name,Code\nA,B,C\n", "code: The file has this column twice."),
    "a heading without text": (lambda: b"code,,name\nA,B,C\n", "Column 2 has no name"),
    "a column too few": (lambda: b"code\nA\n", "name: The file lacks this column."),
    "a formula for a heading": (lambda: b"=1+1,code,name\nA,B,C\n", "=1+1: The column is unknown"),
    "rows without a header": (lambda: b"ACME,Acme\nBETA,Beta\n", "ACME: The column is unknown"),
    "XLSX: cut off": (lambda: GOOD[: len(GOOD) // 2], f"{BROKEN}: its end is missing."),
    "XLSX: the first bytes alone": (lambda: b"PK\3\4", f"{BROKEN}: its end is missing."),
    "XLSX: an end alone": (lambda: b"PK\3\4PK\5\6" + b"\xff" * 40, BROKEN),
    "XLSX: damaged inside": (damaged, BROKEN),
    "XLSX: marked as encrypted": (encrypted, "The workbook is protected by a password. Save it without one."),
    "XLSX: deflate64": (of_method(9), "The workbook is compressed in a way that no spreadsheet uses."),
    "XLSX: a compression unheard of": (of_method(99), "The workbook is compressed in a way that no spreadsheet uses."),
    "XLSX: wrongly compressed": (of_method(0), BROKEN),
    "XLSX: two parts of one name": (
        lambda: GOOD.replace(b"xl/styles.xml", b"_rels/.rels\0\0"),
        "The workbook has two parts with the same name.",
    ),
    "XLSX: two parts of one name but for capitals": (
        changed("XL/Workbook.xml", lambda _xml: "<a/>"),
        "The workbook has two parts with the same name.",
    ),
    "XLSX: overlapping parts": (overlapping, "The parts of the workbook overlap, as in a ZIP bomb."),
    "XLSX: ten thousand parts": (
        lambda: packed({**good_parts(), **{f"x/{n}": "" for n in range(10_000)}}),
        "The workbook has 10,006 parts; no spreadsheet has that many.",
    ),
    "XLSX: a bomb": (bomb(SHEET), "The workbook unpacks to far more than a spreadsheet would, as a ZIP bomb does."),
    "XLSX: a bomb in an unread part": (bomb("xl/media/a.bin"), "The workbook unpacks to far more than a spreadsheet"),
    "XLSX: 4 GB, it says": (of_unpacked_size(0xFFFFFFF0), "The workbook unpacks to 4.3 GB, which is too much."),
    "XLSX: a bomb that calls itself small": (lying_bomb, BROKEN),
    "XLSX: sizes that are wrong": (of_unpacked_size(7), BROKEN),
    "XLSX: archives in an archive": (lambda: packed({"a.zip": [GOOD], "b.zip": [GOOD]}), "no XLSX workbook"),
    "XLSX: a text document": (lambda: packed({"word/document.xml": "<a/>"}), "a ZIP archive but no XLSX workbook"),
    "XLSX: an open document": (lambda: packed({"mimetype": "x", "content.xml": "<a/>"}), "but no XLSX workbook"),
    "XLSX: a binary workbook": (lambda: packed({"xl/workbook.bin": "x"}), "This is a binary workbook (.xlsb)."),
    "XLSX: without its sheet": (
        lambda: packed({name: xml for name, xml in good_parts().items() if name != SHEET}),
        BROKEN,
    ),
    "XLSX: no XML in the sheet": (changed(SHEET, lambda _xml: "hello"), f"{BROKEN}: a part of it is not XML."),
    "XLSX: XML that breaks off": (changed(SHEET, lambda xml: xml[:-30]), BROKEN),
    "XLSX: a workbook that breaks off": (changed("xl/workbook.xml", lambda xml: xml[:50]), BROKEN),
    "XLSX: a sheet of Latin-1": (
        changed(SHEET, lambda xml: f'<?xml version="1.0" encoding="ISO-8859-1"?>{xml}\u00e9'.encode("latin-1")),
        "The workbook's parts are not in UTF-8",
    ),
    "XLSX: entities in UTF-16": (
        changed("xl/workbook.xml", lambda xml: f"{LAUGHS}{xml}".encode("utf-16")),
        "The workbook's parts are not in UTF-8",
    ),
    **{
        f"XLSX: {what} in {name}": (declaring(declared, name), ENTITIES)
        for what, declared in {"an external entity": EXTERNAL, "a billion laughs": f"<!-- <a> --> {LAUGHS}"}.items()
        for name in [*good_parts(), "xl/sharedStrings.xml"]
    },
    "XLSX: an undeclared entity": (rows(["A", inline("&a;")]), BROKEN),
    "XLSX: an end of line that XML forbids": (rows(["A", inline("a&#0;b")]), BROKEN),
    "XLSX: a comment among the cells": (
        rows(["A", Xml('<c r="{}" t="e"><!-- --><v>#REF!</v></c>')]),
        "The sheet's XML is written as no spreadsheet program writes it.",
    ),
    "XLSX: a cell of a hundred thousand levels": (
        rows(["A", Xml(f'<c r="{{}}">{"<a>" * 100_000}{"</a>" * 100_000}</c>')]),
        BROKEN,
    ),
    "XLSX: tags that never close": (rows([ERROR], f'<row r="3">{"<c " * 300_000}</row>'), BROKEN),
    "XLSX: a far row": (far("A900000000", 900_000_000), "Cell A900000000 lies far below the others, which end in row"),
    "XLSX: the last cell there is": (far("XFD1048576", 1_048_576), "Cell XFD1048576 lies far below the others, which"),
    "XLSX: a far column": (tall_and_wide, "Cell XFD2 lies far to the right of the others, which end in column B."),
    "XLSX: a cell in no column": (rows(["A", Xml('<c r="ZZZZZZZ99999999999"><v>1</v></c>')]), BROKEN),
    "XLSX: a cell in no row": (rows(["A", Xml('<c r="A0"><v>1</v></c>')]), BROKEN),
    "XLSX: a shared text that is none": (shared("99999999"), BROKEN),
    "XLSX: a shared text beyond all numbers": (shared("18446744073709551615"), BROKEN),
    "XLSX: billions of shared texts, it says": (shared("1", claimed=4_000_000_000), "it takes too much memory."),
    "XLSX: a path out of the archive": (
        changed("xl/_rels/workbook.xml.rels", lambda xml: xml.replace("worksheets/sheet1.xml", "../../etc/passwd")),
        BROKEN,
    ),
    "XLSX: a symbolic link": (linked, BROKEN),
    "XLSX: nothing": (workbook, "The workbook is empty; it needs a header row"),
    "XLSX: no sheet": (lambda: packed(parts()), "The workbook is empty"),
    "XLSX: charts alone": (charts_only, "The workbook is empty"),
    "XLSX: all of it hidden": (several(hidden=sheet(*ROWS), Notes=sheet()), "No visible sheet of the workbook"),
    "XLSX: several sheets": (
        several(A=sheet(*ROWS), B=sheet(["x"])),
        "Several sheets have data ('A', 'B'); leave one and remove or hide the others.",
    ),
    "XLSX: many sheets": (
        several(**{f"Sheet {number}": sheet(*ROWS) for number in range(30)}),
        "Several sheets have data ('Sheet 0', 'Sheet 1', 'Sheet 2', 'Sheet 3', 'Sheet 4' and more); leave one",
    ),
    "XLSX: blank at the top": (lambda: workbook([], *ROWS), "The first row is blank; it must be the header"),
    "XLSX: formulas never computed": (
        rows(["A", Xml('<c r="{}"><f>1+1</f><v/></c>')]),
        "Cell B2 holds a formula that was never computed.",
    ),
    "XLSX: an error left of the table": (
        lambda: workbook([None, *HEADER], [ERROR, "A", "B"]),
        "Column 1 has no name; the columns are: code, name.",
    ),
    "XLSX: errors in rows out of order": (
        rows(f'<row r="5">{ERROR.replace("{}", "A5")}</row><row r="2">{ERROR.replace("{}", "A2")}</row>'),
        "A cell in row 2 holds an error, #REF!.",
    ),
    "XLSX: styles that break off": (changed(STYLE_PART, lambda xml: xml[:-5]), BROKEN),
    "XLSX: entities in styles where none are": (entities_in_far_styles, ENTITIES),
    "XLSX: hundreds of thousands of styles": (
        changed(STYLE_PART, lambda xml: xml.replace("</cellXfs>", f'{"<xf/>" * 300_000}</cellXfs>')),
        "The workbook has more cell formats than any spreadsheet program allows.",
    ),
    "XLSX: a percentage now and then": (
        formatted("[&lt;1]0%;0", '<c r="{}" s="1"><v>0.5</v></c>'),
        "The format of a cell in row 4 shows some numbers as percentages and others as they are",
    ),
    "XLSX: a percentage nowhere": (
        formatted("0%", '<c s="1"><v>0.5</v></c>'),
        "A percentage stands in a cell that does not say which cell it is.",
    ),
    "XLSX: an error for a heading": (lambda: workbook(["code", ERROR], ["A", "B"]), "#REF!: The column is unknown"),
    "XLSX: a thousand columns": (lambda: workbook([f"c{n}" for n in range(1000)]), "c0: The column is unknown"),
    "XLSX: sixteen thousand columns": (lambda: workbook(["x"] * 16_384), "The first row has 16,384 cells; it must be"),
}  # fmt: skip

# Files with one row in error: kind, file, row, column, and a part of the reason.
FAULTY: Mapping[str, tuple[str, Make, int, str, str]] = {
    "a row too short": ("accounts", lambda: CSV + b"GAMMA\n", 4, "", "The row has 1 cell, the header 2."),
    "a row too long": ("accounts", lambda: CSV + b"GAMMA,Gamma,more\n", 4, "", "The row has 3 cells, the header 2"),
    "cut off": ("accounts", lambda: CSV[:-7], 3, "", "The row has 1 cell, the header 2."),
    "a row of Latin-1": ("accounts", lambda: CSV + b"G,Gamm\xe9\n", 4, "", "The row has bytes that are not UTF-8."),
    "bytes that are longer than need be": ("accounts", lambda: CSV + b"G,\xc0\xaf\n", 4, "", "that are not UTF-8."),
    "half a character of UTF-16": ("accounts", lambda: CSV + b"G,\xed\xa0\x80\n", 4, "", "that are not UTF-8."),
    "half a character at the end": (
        "accounts", lambda: f"{TEXT}G,H".encode("utf-16")[:-1], 4, "", "The row has bytes that are not UTF-16.",
    ),
    "NUL": ("accounts", lambda: CSV + b"G,\0\n", 4, "", "The row contains a NUL character."),
    "a quotation mark inside quotation marks": (
        "accounts", lambda: CSV + b'G,"Gam"ma\n', 4, "", 'A quotation mark (") stands inside a quoted cell',
    ),
    "a row of a million commas": (
        "accounts", lambda: CSV + b"," * 999_990 + b"G\n", 4, "", "The row has 999991 cells, the header 2",
    ),
    "a cell of 100 kB": ("accounts", lambda: CSV + b"G," + b"x" * 100_000, 4, "name", "more than 255 characters"),
    "the end that COPY knows": ("accounts", lambda: CSV + b"\\.\n", 4, "", "The row has 1 cell, the header 2."),
    "an end-of-file mark with rows after it": (
        "accounts", lambda: CSV + b"\x1a\nGAMMA,Gamma\n", 4, "", "The row has 1 cell, the header 2.",
    ),
    "an error of a spreadsheet": ("accounts", lambda: CSV + b"G,#REF!\n", 4, "name", "The cell holds the error of a"),
    "digits that are lost": ("accounts", lambda: CSV + b"G,2.38E+18\n", 4, "name", RUINED),
    "XLSX: a cell too many": ("accounts", rows(["A", "B", None, "x"]), 2, "", "The row has 4 cells, the header 2"),
    "XLSX: a far column": (
        "accounts", rows(["A", Xml('<c r="XFD2"><v>1</v></c>')]), 2, "", "The row has 16384 cells, the header 2",
    ),
    "XLSX: a far row in no other column": (
        "accounts", rows(["A", "B"], '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), 1_048_576, "name", "empty",
    ),
    "XLSX: an error": ("accounts", rows(["A", ERROR]), 2, "name", "The cell holds the error of a formula"),
    "XLSX: an error below the table": ("accounts", rows(["A", "B"], [], ["C", ERROR]), 4, "name", "error of a formula"),
    "XLSX: no number": ("accounts", rows(["A", raw("NaN")]), 2, "name", "The cell holds the error of a formula"),
    "XLSX: no end of a number": ("accounts", rows(["A", raw("1e400")]), 2, "name", "The cell holds the error of a"),
    "XLSX: digits that are lost": ("accounts", rows(["A", 2_385_737_281_234_567_890]), 2, "name", RUINED),
    "XLSX: NUL": ("accounts", rows(["A", inline("x_x0000_y")]), 2, "", "The row contains a NUL character."),
    "XLSX: a cell of 100 kB": ("accounts", rows(["A", "x" * 100_000]), 2, "name", "more than 255 characters"),
    "XLSX: a day before the first": ("rates", rate(FROM, raw("-5", 's="1"')), 2, FROM, NO_DAY),
    "XLSX: a day after the last": ("rates", rate(FROM, raw("9e9", 's="1"')), 2, FROM, NO_DAY),
    "XLSX: a day beyond all": ("rates", rate(FROM, raw("1e300", 's="1"')), 2, FROM, NO_DAY),
    "XLSX: a time of no day": ("rates", rate(FROM, raw("0.5", 's="2"')), 2, FROM, NO_DAY),
    "XLSX: a day that is a number": ("rates", rate(FROM, 46000), 2, FROM, NO_DAY),
    "XLSX: a negative rate": ("rates", rate("rate_per_minute", -0.01), 2, "rate_per_minute", "The number is negative."),
}  # fmt: skip

# Odd files that hold the same two rows as every good file.
HARMLESS: Mapping[str, Make] = {
    "old line ends": lambda: CSV.replace(b"\n", b"\r"),
    "ends of lines of all kinds": lambda: b"code,name\rACME,Acme\r\nBETA,Beta\n",
    "a million blank lines": blank_lines,
    "a separator that is told": lambda: b"sep=;\r\n" + CSV.replace(b",", b";"),
    "all in quotation marks": lambda: codecs.BOM_UTF8 + b'"code","name"\r\n"ACME","Acme"\r\n"BETA","Beta"',
    "XLSX: archives in archives": nested,
    "XLSX: names that lead out of the archive": climbing,
    "XLSX: macros": changed("xl/vbaProject.bin", lambda _xml: b"\xd0\xcf\x11\xe0" + bytes(600)),
    "XLSX: hidden sheets": several(Data=sheet(*ROWS), hidden=sheet(["x"], [ERROR]), Notes=sheet()),
    "XLSX: entities in an unread part": changed("docProps/app.xml", lambda _xml: f"{LAUGHS}<a>&l9;</a>"),
    "XLSX: a workbook of a hundred thousand levels": changed(
        "xl/workbook.xml", lambda xml: xml.replace("<sheets>", f"{'<a>' * 100_000}{'</a>' * 100_000}<sheets>")
    ),
    "XLSX: a link to another machine": changed(
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace(
            "</Rel", f'<Relationship Id="x" Type="{RELATIONS}/x" Target="http://x/" TargetMode="External"/></Rel'
        ),
    ),
    "XLSX: the strict edition": strict,
    "XLSX: prefixes": prefixed,
    "XLSX: backslashes": renamed(lambda name: name.replace("/", "\\")),
    "XLSX: capitals": renamed(lambda name: name.replace("sheet1", "Sheet1")),
    "XLSX: coloured empty rows": formatted_rows,
    "XLSX: 5 MB behind the rows": merged_behind,
    "XLSX: something behind the archive": lambda: GOOD + b"\0" * 1000,
}  # fmt: skip
