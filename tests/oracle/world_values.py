"""The values of random worlds: awkward, but all of them valid in an upload."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

from tests.oracle.values import DAY, HOUR, MINUTE, SECOND, midnight

FIRST_DAYS = [
    date(2017, 10, 21),
    date(2020, 2, 29),
    date(2022, 12, 31),
    date(2023, 1, 28),
    date(2023, 1, 29),
    date(2023, 1, 30),
    date(2024, 1, 31),
    date(2024, 2, 29),
    date(2024, 3, 31),
    date(2024, 8, 30),
]
CHARGES = [
    ("CX 2 Named", "named"),
    ("CX 3 Concurrent", "concurrent"),
    ("cx 3 concurrent", "concurrent"),
    ('=Hourly, "flex"', "hourly"),
    ("Überstunden 😀", "hourly"),
    ("+1 Device", "device"),
]
# Stored in lower case, written in any case.
EMAILS = [
    "ann@example.com",
    "bob.o'neil@example.com",
    "=sum@example.com",
    "-x@example.com",
    "zoe+1@example.com",
    "_under@example.com",
]
DEVICES = ["SEP0011AABB", "sep0011aabc", "-desk", "+4930123", 'Lobby "East", 2', "Ä-Gerät"]
TEXTS = [
    "plain",
    "Ltd., Sons & Co",
    'say "hello"',
    "two\nlines",
    "two\r\nlines",
    "carriage\rreturn",
    "tab\tinside",
    "line\u2028separator",
    "שלום мир 中文",
    "e\u0301 is not é",
    "😀",
    "\uff21",
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "+1 (415) 555-0100",
    "'quoted",
    "''=twice",
    "'+49123",
    "\\.",
    "\\N",
    "NULL",
    "ü" * 255,
]
PHONES = ["+14155550100", "4155550100", "-1", "+1.5", "+1.", "+", "sip:bob@example.com", "=HYPERLINK(1)", "٤٢", "+٤٢"]
SIP_CALL_IDS = [
    "a1@10.0.0.1",
    "A1@10.0.0.1",
    "B2@10.0.0.1",
    "10",
    "9",
    "-9",
    "+9",
    "=9",
    "@9",
    "é",
    "e\u0301",
    "😀",
    "\uff21",
    'a"b,c',
    "z z",
]
SESSION_IDS = [f"s{number}" for number in range(20)]
RESOURCES = [
    ("IVR minutes", "minutes"),
    ("ivr minutes", "min"),
    ("SMS, outbound", "messages"),
    ("=Storage", "GB"),
    ("Ärger", "+€"),
    ("😀", "smiles"),
    ("\uff21", "wide letters"),
]
QUANTITIES = ["0", "0.0", "12", "12.50", "0.5", "007", "0.000001", "1000000", "100", "1234567.875", "10.10"]

USAGE_GROUPS = [
    ("LOCAL", "Local"),
    ("+1 TF", "Toll, Free"),
    ("МОБ", '=Мобильный "M"'),
    ("intl", "-International"),
]
UNKNOWN_GROUP = "GHOST"
CALL_TYPES = ["Domestic", "=International"]
DIRECTIONS = ["Inbound", "Outbound"]
RATES = [
    "0.0181",
    "0.0119",
    "0.047",
    "1",
    "1.0",
    "0.05",
    "0.000001",
    "12.345678",
    "0",
    "0.333333",
    "0.0025",
    "0.100000",
]
DISCOUNTS = ["", "0", "10", "12.5", "33.33", "7.77", "100", "0.01"]
TERMS = [("", ""), ("6", ""), ("60", "6"), ("6", "60"), ("1", "1"), ("1", ""), ("6", "30"), ("60", "60"), ("7", "10")]

# A sheet has one currency in all worlds, so that no subscription is refused. The last never gets a version.
SHEETS = {"Standard": "USD", '=Sheet, "B"': "EUR"}
SHEET_WITHOUT_VERSIONS = ("Later", "GBP")

TIMES_OF_DAY = [
    0,
    1,
    DAY - 1,
    DAY - SECOND,
    DAY - 30 * SECOND,
    HOUR,
    9 * HOUR,
    9 * HOUR + 14 * MINUTE + 3_500,
    12 * HOUR,
    23 * HOUR,
    23 * HOUR + 59 * MINUTE,
]
SESSION_LENGTHS = [
    0,
    1,
    999,
    300,
    59 * SECOND,
    30 * MINUTE,
    31 * MINUTE,
    HOUR,
    8 * HOUR,
    12 * HOUR,
    15 * HOUR,
    DAY - 1,
    DAY,
    25 * HOUR,
    3 * DAY,
    40 * DAY,
]
CALL_LENGTHS = [
    0,
    1,
    999,
    1_000,
    1_001,
    6_000,
    6_001,
    30_000,
    55_000,
    59_000,
    59_999,
    60_000,
    60_001,
    61_000,
    HOUR,
    7 * HOUR,
    25 * HOUR,
]
OFFSETS = ["Z", "Z", "+00:00", "+05:30", "-03:00", "+14:00", "-11:30"]
FINER = ["", "", "", "000", "499", "999", "999999"]


Item = TypeVar("Item")


def is_one_in(rng: Random, number: int) -> bool:
    """Return True in about one of this many calls."""
    return rng.randrange(number) == 0


def draw_order(rng: Random, items: Sequence[Item]) -> list[Item]:
    """Return all of the items, in any order."""
    return rng.sample(items, len(items))


def draw_some(rng: Random, items: Sequence[Item], *, at_least: int, at_most: int) -> list[Item]:
    """Return this many different items, in any order."""
    return rng.sample(items, rng.randint(min(at_least, len(items)), min(at_most, len(items))))


def draw_day(rng: Random, first: date, last: date) -> date:
    """Return any day from the first through the last."""
    return first + timedelta(days=rng.randint(0, (last - first).days))


def draw_instant(rng: Random, days: list[date]) -> int:
    """Return an instant on one of the days, mostly one that is easy to get wrong."""
    day = rng.choice(days)
    time = rng.randint(0, DAY - 1) if is_one_in(rng, 4) else rng.choice(TIMES_OF_DAY)
    return midnight(day) + time


def draw_length(rng: Random, lengths: list[int]) -> int:
    """Return a length of time in milliseconds."""
    return rng.randint(0, 3 * HOUR) if is_one_in(rng, 4) else rng.choice(lengths)


def draw_cells(rng: Random, *instants: int) -> list[str]:
    """Return instants as upload cells, all with one offset and the same finer digits, so that their order is kept."""
    offset, finer = rng.choice(OFFSETS), rng.choice(FINER)
    return [instant_cell(instant, offset=offset, finer=finer) for instant in instants]


def instant_cell(instant: int, *, offset: str = "Z", finer: str = "") -> str:
    """Return an instant as people write it: in the local time of an offset, with digits finer than a millisecond."""
    local = instant
    if offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[4:])
        local += minutes * MINUTE if offset[0] == "+" else -minutes * MINUTE
    seconds, milliseconds = divmod(local, SECOND)
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{milliseconds:03}{finer}" if milliseconds or finer else ""
    return f"{text}{fraction}{offset}"


def draw_case(rng: Random, text: str) -> str:
    """Return the text in one of several mixtures of cases."""
    return rng.choice([text, text, text.upper(), text.title()])
