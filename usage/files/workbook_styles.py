"""The number formats of a workbook's cells: which of them show a number as a percentage."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import IO
from xml.etree import ElementTree as ET

from usage.files.workbook_archives import SAVE_AGAIN, RefusedError, refuse_foreign_xml

# A spreadsheet has 65,490 at most.
MAX_STYLES = 1 << 18
_CHUNK = 1 << 16
# What stands in a format for itself or for something else than a digit or the percent sign.
_APART = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?', re.DOTALL)
_SHOWS_A_NUMBER = re.compile(r"[0#?]|general", re.IGNORECASE)
# For positive numbers, negative ones and zero; the fourth is for texts.
_SECTIONS = 3


class Shown(Enum):
    """Numbers are shown as percentages; or some are and others not, as their values are."""

    AS_PERCENTAGE = "percentage"
    AS_EITHER = "either"


# 0% and 0.00%, which no workbook declares.
_BUILT_IN = {9: Shown.AS_PERCENTAGE, 10: Shown.AS_PERCENTAGE}
Styles = Mapping[bytes, Shown]


def shown_by(code: str) -> Shown | None:
    """What a format such as `0.0%;[Red]-0.0%` makes of numbers; None: they are shown as they are.

    A section without digits shows a word, or nothing, and has no say.
    """
    sections = _APART.sub("", code).split(";")[:_SECTIONS]
    found = {"%" in section for section in sections if _SHOWS_A_NUMBER.search(section)}
    if True not in found:
        return None
    return Shown.AS_EITHER if False in found else Shown.AS_PERCENTAGE


def styles_of(part: IO[bytes]) -> Styles:
    """The styles of cells that show percentages, by number, as a cell names its style. Raises what broken XML raises.

    The part is read in pieces, and kept of it are numbers alone.
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
    """What a parser tells of a part of styles. Formats and styles of other things than cells have the same names."""

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
                raise RefusedError(f"The workbook has more formats of cells than any spreadsheet. {SAVE_AGAIN}")

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
