"""Workbooks written part by part, so that a test can make them as odd as necessary."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts>'
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>'
)


# Day 0 of spreadsheets; their moments have no zone.
_EPOCH = datetime.combine(date(1899, 12, 30), time())


class Xml(str):
    """Return a cell written by hand; `{}` stands for its place, such as B7."""

    __slots__ = ()


def moment(text: str) -> datetime:
    """Return the number of a cell with an instant."""
    return datetime.fromisoformat(text)


def column_name(column: int) -> str:
    """Return the letters A, B ... for 1, 2 ..."""
    name = ""
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


def cell(place: str, value: Any) -> str:
    """Return one cell, typed as a spreadsheet would type it."""
    if value is None:
        return f'<c r="{place}" s="1"/>'
    if isinstance(value, Xml):
        return value.replace("{}", place)
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        at, style = (value, 2) if isinstance(value, datetime) else (datetime.combine(value, time()), 1)
        return f'<c r="{place}" s="{style}"><v>{(at - _EPOCH) / timedelta(days=1)!r}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def sheet(*rows: Any) -> str:
    """Return a sheet's XML; a row is its cells, or the XML of a row written by hand."""
    written = [
        row
        if isinstance(row, str)
        else f'<row r="{line}">'
        + "".join(cell(f"{column_name(place)}{line}", value) for place, value in enumerate(row, start=1))
        + "</row>"
        for line, row in enumerate(rows, start=1)
    ]
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(written)}</sheetData></worksheet>'


def parts(**sheets: str) -> dict[str, str]:
    """Return the parts of a workbook by name; a sheet whose name begins with `hidden` is hidden."""
    listed, related = "", ""
    for number, name in enumerate(sheets, start=1):
        state = ' state="hidden"' if name.startswith("hidden") else ""
        listed += f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="rId{number}"/>'
        related += (
            f'<Relationship Id="rId{number}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        )
    related += f'<Relationship Id="rIdS" Type="{RELATIONS}/styles" Target="styles.xml"/>'
    document = f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{document}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>',
        "xl/styles.xml": STYLES,
        **{f"xl/worksheets/sheet{number}.xml": xml for number, xml in enumerate(sheets.values(), start=1)},
    }


def packed(named: Mapping[str, str | Iterable[bytes]]) -> bytes:
    """Return parts as an archive; parts too large for memory come in pieces."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in named.items():
            if isinstance(content, str):
                archive.writestr(name, content)
                continue
            with archive.open(name, "w") as part:
                for piece in content:
                    part.write(piece)
    return file.getvalue()


def workbook(*rows: Any) -> bytes:
    """Return a workbook of one sheet."""
    return packed(parts(Data=sheet(*rows)))
