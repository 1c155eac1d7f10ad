"""Uploads of a million rows: their speed against the least work that the database can do, and their memory."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from django.db import connection

from benchmarks.measuring import Figure, Measured, Memory, Speed
from benchmarks.uploads_files import write_bad, write_good, write_shuffled, write_workbook
from benchmarks.uploads_memory import decided_by_worker, send, serving, working
from benchmarks.uploads_world import World, empty_calls, settle, worked
from benchmarks.uploads_yardsticks import StockCalls, StockNewCalls, bare_minimum, stock_import
from usage.models import Call, Upload, UploadStatus

CALLS = int(os.environ.get("BENCH_CALLS", "1000000"))
STOCK_CALLS = min(20_000, CALLS)
WORKBOOK_CALLS = CALLS * 3 // 10
ROUNDS = 2
BARE_BOUND, STOCK_LEAST, AGAIN_BOUND, BAD_BOUND = 2, 12, 0.7, 1
CSV_MEGABYTES, WORKBOOK_MEGABYTES = 250, 600


def figures() -> Iterator[Measured]:
    """Measure every promise of uploads."""
    with tempfile.TemporaryDirectory(dir=os.environ["TALLYDESK_HOME"]) as folder:
        files = Path(folder)
        world = World.make()
        write_good(files / "calls.csv", CALLS)
        write_shuffled(files / "again.csv", files / "calls.csv")
        write_bad(files / "bad.csv", files / "calls.csv")
        with connection.cursor() as cursor:  # it would clean up during one measurement and not during the other
            cursor.execute("ALTER TABLE usage_call SET (autovacuum_enabled = false)")
        yield from _fast(world, files)
        yield from _small(world, files)


def _fast(world: World, files: Path) -> Iterator[Measured]:
    checking = applying = bare = float("inf")
    for _round in range(ROUNDS):
        empty_calls()
        bare = min(bare, _seconds(lambda: bare_minimum(files / "calls.csv", world.account)))
        empty_calls()
        round_checking, round_applying = _applied(world, files / "calls.csv")
        if round_checking + round_applying < checking + applying:
            checking, applying = round_checking, round_applying
    whole = checking + applying
    yield Figure(f"{CALLS:,} calls checked, rated, applied", whole, "bare COPY and INSERT", bare, BARE_BOUND)
    settle()
    again = _checked(world, files / "again.csv", unchanged=CALLS)
    yield Figure("the same calls in another order", again, "the first time", whole, AGAIN_BOUND)
    empty_calls()
    bad = _checked(world, files / "bad.csv", errors=CALLS)
    yield Figure("every call in error, with both files of errors", bad, "as many good ones", whole, BAD_BOUND)
    yield Figure("every call in error, against the check alone", bad, "theirs", checking, None)
    write_good(files / "few.csv", STOCK_CALLS)
    for stock, name, least in (
        (StockCalls, "django-import-export", STOCK_LEAST),
        (StockNewCalls, "the same that finds no row again", None),
    ):
        seconds = min(_stock_seconds(world, files / "few.csv", stock) for _round in range(ROUNDS))
        yield Speed("calls checked, rated, applied", CALLS / whole, name, STOCK_CALLS / seconds, least)


def _applied(world: World, path: Path) -> tuple[float, float]:
    """Return the seconds of checking and of applying a file of new calls."""
    upload = world.received(path)
    checking = worked(upload)
    world.confirm(upload)
    applying = worked(upload)
    unrated = Call.objects.unrated().count()
    if (upload.rows_new, Call.objects.filter(upload_id=upload.pk).count(), unrated) != (CALLS, CALLS, 0):
        raise RuntimeError(f"{upload.rows_new} new, {unrated} unrated")
    return checking, applying


def _checked(world: World, path: Path, *, unchanged: int = 0, errors: int = 0) -> float:
    """Return the seconds of checking a file that changes nothing."""
    upload = world.received(path)
    seconds = worked(upload)
    found = (upload.rows, upload.rows_new, upload.rows_changed, upload.rows_unchanged, upload.rows_in_error)
    if found != (CALLS, 0, 0, unchanged, errors):
        raise RuntimeError(f"{path.name}: {found}")
    if errors:
        _complete(upload)
    return seconds


def _complete(upload: Upload) -> None:
    """Check that the files of errors have each error once and each row once, under a header."""
    for file in (upload.errors_file, upload.rows_in_error_file):
        with file.open("rb") as lines:
            number = sum(1 for _line in lines)
        if number != CALLS + 1:
            raise RuntimeError(f"{file.name} has {number} lines")


def _stock_seconds(world: World, path: Path, stock: type[StockCalls]) -> float:
    empty_calls()
    seconds = _seconds(lambda: stock_import(stock, path, world.account))
    if Call.objects.count() != STOCK_CALLS:
        raise RuntimeError(f"{stock.__name__} imports {Call.objects.count()} of {STOCK_CALLS}")
    return seconds


def _small(world: World, files: Path) -> Iterator[Measured]:
    """Measure real processes: a web server that receives the file by a form, and a worker."""
    workbook = files / "calls.xlsx"
    write_workbook(workbook, WORKBOOK_CALLS)
    empty_calls()
    with serving() as (server, port), working() as worker:
        for path, rows, bound in (
            (files / "calls.csv", CALLS, CSV_MEGABYTES),
            (workbook, WORKBOOK_CALLS, WORKBOOK_MEGABYTES),
        ):
            upload = send(path, world, port)
            what = f"{path.suffix[1:].upper()} of {rows:,} calls"
            yield Memory(f"the web server, {what}", server.megabytes, bound)
            decided_by_worker(upload, UploadStatus.READY)
            world.confirm(upload)
            decided_by_worker(upload, UploadStatus.APPLIED)
            yield Memory(f"the worker and its processes, {what}", worker.megabytes, bound)
            if Call.objects.filter(upload_id=upload.pk).count() != rows:
                raise RuntimeError(f"{path.name} is not applied")


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
