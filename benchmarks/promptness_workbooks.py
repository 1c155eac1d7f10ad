"""How soon a hostile workbook is refused, beside reading an ordinary one of the same size."""

import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measuring import Figure, least_in_turn
from benchmarks.uploads_files import write_workbook
from usage.files.errors import FileRefusedError
from usage.files.workbooks import as_csv

CALLS = 30_000
ROUNDS = 3
BOUND = 2
SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY l0 "ha">'
    + b"".join(b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10))
    + b"]>"
)
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "breaks off at its end": lambda xml: xml[:-30],
    "declares a billion laughs": lambda xml: LAUGHS + xml,
    "has tags that never close": lambda xml: xml.replace(
        b"</sheetData>", b"<row>" + b"<c " * 300_000 + b"</sheetData>"
    ),
    "has a far row": lambda xml: xml.replace(
        b"</sheetData>", b'<row r="900000000"><c r="A900000000"><v>1</v></c></row></sheetData>'
    ),
}


def figures() -> Iterator[Figure]:
    """Yield the ordinary workbook, changed in one way each time; its size and the amount to read stay the same."""
    with tempfile.TemporaryDirectory() as folder:
        good = Path(folder, "good.xlsx")
        write_workbook(good, CALLS)
        bad = Path(folder, "bad.xlsx")
        for name, change in CHANGES.items():
            _change(good, bad, change)
            hostile, ordinary = least_in_turn(ROUNDS, lambda: _refused(bad), lambda: _read(good))
            against = f"one of {CALLS:,} calls that is read"
            yield Figure(f"a workbook that {name}", hostile, against, ordinary, BOUND)


def _change(source: Path, target: Path, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as write:
        for name in read.namelist():
            content = read.read(name)
            write.writestr(name, change(content) if name == SHEET else content)


def _read(path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as file, as_csv(file):
        return time.perf_counter() - start


def _refused(path: Path) -> float:
    start = time.perf_counter()
    try:
        _read(path)
    except FileRefusedError:
        return time.perf_counter() - start
    raise RuntimeError(f"{path.name} is read")
