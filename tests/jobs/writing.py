"""File formats whose writing a test holds up or follows; in all else they are the product's."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

import pytest
from django.db import connection

from reports import formats
from reports.engine.file_format import FileFormat, Write
from reports.engine.rows import OnProgress, ReportRows
from tests.waiting import FOREVER_SECONDS, wait_for


class HeldUp:
    """Write up to the n-th call of `report_rows`, and then wait until the work is stopped."""

    def __init__(self, write: Write, *, rows: int, times: int = 1) -> None:
        self.is_held = threading.Event()
        self._write = write
        self._rows = rows
        self._times = times

    def __call__(self, rows: ReportRows, target: BinaryIO, progress: OnProgress) -> int:
        """Write as the format does; see FileFormat."""
        times = 0

        def report(number: int) -> None:
            nonlocal times
            times += number >= self._rows
            if times < self._times:
                progress(number)
            else:
                self.is_held.set()
                wait_for(lambda: progress(number), what="the writing is stopped", guard=FOREVER_SECONDS)

        return self._write(rows, target, report)


def hold_up(monkeypatch: pytest.MonkeyPatch, slug: str, *, rows: int, times: int = 1) -> HeldUp:
    """Hold the writing of a format up until the test is over."""
    held = HeldUp(formats.by_slug(slug).write, rows=rows, times=times)
    _replace(monkeypatch, slug, held)
    return held


def once_written(monkeypatch: pytest.MonkeyPatch, slug: str, act: Callable[[], object]) -> None:
    """Act, on a connection of its own, when a file of the format has all its rows and is not stored yet."""
    write = formats.by_slug(slug).write

    def write_and_act(rows: ReportRows, target: BinaryIO, progress: OnProgress) -> int:
        written = write(rows, target, progress)
        elsewhere(act)
        return written

    _replace(monkeypatch, slug, write_and_act)


def elsewhere(act: Callable[[], object]) -> None:
    """Act in another thread, on a connection of its own, and wait for its end."""
    failures: list[Exception] = []

    def do() -> None:
        try:
            act()
        except Exception as failure:  # noqa: BLE001 - it is raised again below
            failures.append(failure)
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
    for failure in failures:
        raise failure


def _replace(monkeypatch: pytest.MonkeyPatch, slug: str, write: Write) -> None:
    replaced, by_slug = replace(formats.by_slug(slug), write=write), formats.by_slug

    def find(wanted: str) -> FileFormat:
        return replaced if wanted == slug else by_slug(wanted)

    monkeypatch.setattr(formats, "by_slug", find)
