"""Find the number formats of a workbook that show a number as a percentage."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import IO
from xml.etree import ElementTree as ET

from usage.files.workbook_archives import SAVE_AGAIN, RefusedError, refuse_foreign_xml

# Spreadsheets allow at most 65,490.
MAX_STYLES = 1 << 18
_CHUNK = 1 << 16
# The parts of a format that are literal, or that stand for neither a digit nor the percent sign.
_APART = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?', re.DOTALL)
_SHOWS_A_NUMBER = re.compile(r"[0#?]|general", re.IGNORECASE)
# The first three sections are for positive numbers, negative ones and zero; the fourth is for texts.
_SECTIONS = 3


class Shown(Enum):
    """How a format shows numbers: all as percentages, or some of them, depending on the value."""

    AS_PERCENTAGE = "percentage"
    AS_EITHER = "either"


# 0% and 0.00% are built in; no workbook declares them.
_BUILT_IN = {9: Shown.AS_PERCENTAGE, 10: Shown.AS_PERCENTAGE}
Styles = Mapping[bytes, Shown]


def shown_by(code: str) -> Shown | None:
    """Return how a format such as `0.0%;[Red]-0.0%` shows numbers; None if it shows them as they are.

    A section without digits shows a word, or nothing, and does not count.
    """
    sections = _APART.sub("", code).split(";")[:_SECTIONS]
    found = {"%" in section for section in sections if _SHOWS_A_NUMBER.search(section)}
    if True not in found:
        return None
    return Shown.AS_EITHER if False in found else Shown.AS_PERCENTAGE


def styles_of(part: IO[bytes]) -> Styles:
    """Return the cell styles that show percentages, by the number by which cells name them.

    The part is read in pieces, and only numbers are kept of it. Raise what broken XML raises.
    """
    found = _Formats()
    parser = ET.XMLParser(target=found)  # noqa: S314 - nothing is declared before the first element, as is seen to here
    chunk = part.read(_CHUNK)
    refuse_foreign_xml(chunk)
    while chunk:
        parser.feed(chunk)
        chunk = part.read(_CHUNK)
    parser.close()
    return found.styles


class _Formats:
    """The target of the styles parser. Formats and styles of things other than cells have the same tag names."""

    def __init__(self) -> None:
        self._formats: dict[int, Shown] = dict(_BUILT_IN)
        self._used: list[int] = []
        self._within = ""

    @property
    def styles(self) -> Styles:
        shown = enumerate(self._formats.get(number) for number in self._used)
        return {str(place).encode(): one for place, one in shown if one}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name in {"numFmts", "cellXfs"}:
            self._within = name
        elif name == "numFmt" and self._within == "numFmts":
            self._declare(_number(attributes), attributes.get("formatCode", ""))
        elif name == "xf" and self._within == "cellXfs":
            self._used.append(_number(attributes))
            if len(self._used) > MAX_STYLES:
                raise RefusedError(
                    f"The workbook has more cell formats than any spreadsheet program allows. {SAVE_AGAIN}"
                )

    def end(self, tag: str) -> None:
        if tag.rpartition("}")[2] == self._within:
            self._within = ""

    def _declare(self, number: int, code: str) -> None:
        shown = shown_by(code)
        if shown:
            self._formats[number] = shown
        else:
            self._formats.pop(number, None)


def _number(attributes: Mapping[str, str]) -> int:
    number = attributes.get("numFmtId", "0")
    return int(number) if number.isdecimal() and len(number) < 10 else 0
