"""Reading the cells of uploaded files, and writing the cells of reports."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = date(1970, 1, 1)
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
DECIMAL = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
SIGNS = {"=", "@", "+", "-", "\t", "\r", *(chr(ord(sign) + 0xFEE0) for sign in "=@+-")}
# Fillers, selectors and noncharacters, which have no width, though Unicode does not call them formats.
UNSEEN = {*"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u2800\u3164\uffa0\ufffe\uffff"}
UNSEEN |= {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000))}
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def midnight(day: date) -> int:
    """Return the instant at which a day begins, in milliseconds since 1970."""
    return (day - EPOCH).days * DAY


def day_of(instant: int) -> date:
    """Return the UTC day of an instant."""
    return EPOCH + timedelta(days=instant // DAY)


def read_instant(cell: str) -> int:
    """Return milliseconds since 1970; anything finer is cut off."""
    match = INSTANT.fullmatch(cell)
    if match is None:
        raise ValueError(f"not an instant: {cell!r}")
    day, hours, minutes, seconds, fraction, sign, offset_hours, offset_minutes = match.groups()
    local = midnight(date.fromisoformat(day)) + int(hours) * HOUR + int(minutes) * MINUTE + int(seconds) * SECOND
    milliseconds = int(((fraction or "") + "000")[:3])
    offset = int(offset_hours or 0) * HOUR + int(offset_minutes or 0) * MINUTE
    return local + milliseconds - (offset if sign == "+" else -offset)


def read_decimal(cell: str) -> Fraction:
    """Return the exact value of a decimal."""
    if DECIMAL.fullmatch(cell) is None:
        raise ValueError(f"not a decimal: {cell!r}")
    return Fraction(cell)


def read_text(cell: str) -> str:
    """Return text as it is stored: trimmed, and without the apostrophe that a report adds."""
    text = cell.strip()
    if text.startswith("'") and spreadsheet_would_run(text.lstrip("'")):
        return text[1:].strip()
    return text


def spreadsheet_would_run(text: str) -> bool:
    """Return whether a spreadsheet takes the text for a formula; plain numbers and phone numbers are harmless."""
    if PLAIN_NUMBER.fullmatch(text):
        return False
    for character in text:
        if character in SIGNS:
            return True
        if character not in UNSEEN and unicodedata.category(character) not in {"Zs", "Zl", "Zp", "Cc", "Cf"}:
            return False
    return False


def show_text(text: str) -> str:
    """Return text as it appears in a file for people; one that looks escaped is escaped once more."""
    return "'" + text if spreadsheet_would_run(text.lstrip("'")) else text


def show_instant(instant: int) -> str:
    """Return an instant with its three digits of milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant // SECOND)
    return moment.strftime(f"%Y-%m-%dT%H:%M:%S.{instant % SECOND:03}Z")


def show_duration(milliseconds: int) -> str:
    """Return `HH:MM:SS:mmm`; hours may exceed 99."""
    hours, rest = divmod(milliseconds, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, rest = divmod(rest, SECOND)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{rest:03}"


def half_up(value: Fraction, places: int) -> Fraction:
    """Return a value of zero or more, rounded half up to a number of decimals."""
    scale = 10**places
    return Fraction((value * scale + Fraction(1, 2)).__floor__(), scale)


def show_fixed(value: Fraction, places: int) -> str:
    """Return a decimal with exactly this many places, rounded half up."""
    units = int(half_up(value, places) * 10**places)
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part:0{places}}"


def show_short(value: Fraction, places: int) -> str:
    """Return a decimal with one place up to the given number, rounded half up, without trailing zeros."""
    whole, part = show_fixed(value, places).split(".")
    return f"{whole}.{part.rstrip('0') or '0'}"


def show_quantity(cell: str) -> str:
    """Return an uploaded decimal without needless zeros."""
    whole, _, part = cell.partition(".")
    whole = whole.lstrip("0") or "0"
    part = part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def csv_line(cells: list[str]) -> str:
    """Return one line of a report; cells are quoted only where necessary."""
    return ",".join(csv_cell(cell) for cell in cells) + "\n"


def csv_cell(cell: str) -> str:
    if any(special in cell for special in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
