"""Files of calls, the same on every run: valid, in another order, with an error in every row, and as a workbook."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import xlsxwriter

HEADER = (
    *("sip_call_id", "origin", "destination", "usage_group", "call_type"),
    *("direction", "start_time", "end_time"),
)
GROUPS = ("US-FIXED", "US-MOBILE", "US-TOLLFREE", "CA-FIXED", "GB-FIXED", "GB-MOBILE", "DE-FIXED", "DE-MOBILE")
CALL_TYPES = ("National", "International", "Toll-free")
DIRECTIONS = ("Inbound", "Outbound")
_FIRST = datetime(2026, 3, 1, tzinfo=UTC)
_MONTH_MILLISECONDS = 31 * 86_400_000
_SEED = 4


def _without_zone(cell: str) -> str:
    return cell.replace("T", " ").removesuffix("Z")


def _a_year_early(cell: str) -> str:
    return cell.replace("2026-", "2025-")


def _no_such_day(cell: str) -> str:
    return f"2026-02-3{cell[9:]}"


def _ruined(_cell: str) -> str:
    return "2.38E+18"


def _lost(_cell: str) -> str:
    return ""


# Faults that people and spreadsheets cause, one for each row in turn, with the position of its column.
_FAULTS = ((6, _without_zone), (7, _a_year_early), (5, str.upper), (0, _ruined), (3, _lost), (6, _no_such_day))


def rows(number: int, *, seed: int = _SEED) -> Iterator[list[str]]:
    """Write calls of a month, ordered by start, with IDs and numbers as a provider writes them."""
    random = Random(seed)
    step = _MONTH_MILLISECONDS / number
    for place in range(number):
        start = _FIRST + timedelta(milliseconds=int(place * step))
        end = start + timedelta(milliseconds=int(random.expovariate(1 / 180_000)))
        bits = random.getrandbits(128)
        yield [
            f"{bits:032x}@10.20.{bits % 8}.{bits % 251}",
            f"+1415555{bits >> 64 & 8191:04d}",
            f"+4420794{bits >> 96 & 65535:05d}",
            GROUPS[bits & 7],
            CALL_TYPES[bits % 3],
            DIRECTIONS[bits >> 3 & 1],
            _instant(start),
            _instant(end),
        ]


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_good(path: Path, number: int, *, seed: int = _SEED) -> None:
    """Write a file in which every row is new and has a rate."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(row) + "\n" for row in rows(number, seed=seed))


def write_shuffled(path: Path, good: Path) -> None:
    """Write the same rows in another order."""
    header, *lines = good.read_bytes().splitlines(keepends=True)
    Random(_SEED).shuffle(lines)
    path.write_bytes(header + b"".join(lines))


def write_bad(path: Path, good: Path) -> None:
    """Write the same rows, each with an error."""
    with good.open(encoding="utf-8") as source, path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(next(source))
        for place, line in enumerate(source):
            column, spoil = _FAULTS[place % len(_FAULTS)]
            row = line.rstrip("\n").split(",")
            row[column] = spoil(row[column])
            file.write(",".join(row) + "\n")


def write_workbook(path: Path, number: int) -> None:
    """Write a workbook of further calls, with text in all cells."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        for place, row in enumerate(rows(number, seed=_SEED + 1), start=1):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell)
