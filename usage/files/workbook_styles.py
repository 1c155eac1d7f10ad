"""Find the number formats of a workbook that show a number otherwise than as its digits."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import IO, NamedTuple
from xml.etree import ElementTree as ET

from usage.files.workbook_archives import SAVE_AGAIN, RefusedError, refuse_foreign_xml

# Spreadsheets allow at most 65,490.
MAX_STYLES = 1 << 18
_CHUNK = 1 << 16
# The parts of a format that are literal, or that stand for neither a digit nor the percent sign.
_APART = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?', re.DOTALL)
_SHOWS_A_NUMBER = re.compile(r"[0#?]|general", re.IGNORECASE)
_LETTERS_OF_DATES = re.compile(r"[dmyhs]", re.IGNORECASE)
_CONDITION = re.compile(r"\[[^\]]*[<>=]")
# What takes part in no number: padding, and the colour, language or calendar of a section.
_UNSEEN = re.compile(r"_.|\[[^\]]*\]", re.DOTALL)
_DIGITS = re.compile(r"""(?P<prefix>(?:\+|\\[+0-9]|"[+0-9]*")*)(?P<width>general|@|\#*0*)""", re.IGNORECASE)
_ENDS_IN_Z = re.compile(r"""(?:(?:^|[^A-Za-z\\])Z|\\Z|"(?:[^"]*[^A-Za-z"])?Z")$""")
# The first three sections are for positive numbers, negative ones and zero; the fourth is for texts.
_SECTIONS = 3


class Shown(Enum):
    """How a format shows numbers: as percentages, as these or as they are, otherwise, or as instants of UTC."""

    AS_PERCENTAGE = "percentage"
    AS_EITHER = "either"
    UNLIKE_DIGITS = "unlike digits"
    IN_UTC = "in UTC"


class Digits(NamedTuple):
    """A format that shows a whole number as its digits, after a prefix such as `+`, filled with zeros to a width.

    Unless it `is_for_all`, other sections show zero and negative numbers in some other way.
    """

    prefix: str
    width: int
    is_for_all: bool


# These are built in; no workbook declares them. Those missing here show dates, or digits (General, 0, @).
_PERCENTAGES = (9, 10)
_UNLIKE_DIGITS = (*range(2, 9), *range(11, 14), *range(23, 27), *range(37, 45), 48, *range(59, 82))
_BUILT_IN: Mapping[int, Shown] = dict.fromkeys(_UNLIKE_DIGITS, Shown.UNLIKE_DIGITS) | dict.fromkeys(
    _PERCENTAGES, Shown.AS_PERCENTAGE
)
How = Shown | Digits
Styles = Mapping[bytes, How]


def shown_by(code: str) -> How | None:
    """Return how a format such as `0.0%;[Red]-0.0%` shows numbers; None if as they are, or as dates without zone.

    A section without digits shows a word, or nothing, and does not count as a percentage.
    """
    sections = _APART.sub("", code).split(";")[:_SECTIONS]
    found = {"%" in section for section in sections if _SHOWS_A_NUMBER.search(section)}
    if True in found:
        return Shown.AS_EITHER if False in found else Shown.AS_PERCENTAGE
    if _LETTERS_OF_DATES.search("".join(sections)):
        is_moment = re.search("h", sections[0], re.IGNORECASE) and re.search("d", sections[0], re.IGNORECASE)
        return Shown.IN_UTC if is_moment and _ENDS_IN_Z.search(_first_section(code)) else None
    return _digits_shown_by(code)


def _first_section(code: str) -> str:
    match = re.match(r"""(?:"[^"]*"|\\.|[^;"\\])*""", code, re.DOTALL)
    return _UNSEEN.sub("", match[0] if match else code).strip()


def _digits_shown_by(code: str) -> How | None:
    match = _DIGITS.fullmatch(_first_section(code))
    if match is None or _CONDITION.search(code):
        return Shown.UNLIKE_DIGITS if code.strip() else None
    prefix = re.sub(r'[\\"]', "", match["prefix"])
    is_general = match["width"].lower() in {"general", "@"}
    shown = Digits(prefix, 1 if is_general else match["width"].count("0"), ";" not in _APART.sub("", code))
    return None if shown == Digits("", 1, is_for_all=True) else shown


def styles_of(part: IO[bytes]) -> Styles:
    """Return the cell styles that show numbers otherwise than as digits, by the number by which cells name them.

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
        self._formats: dict[int, How] = dict(_BUILT_IN)
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
