"""Temporary folders: removed at the end; those of killed processes, when the next one is created."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from reports.engine.temporary_folders import GRACE_SECONDS, temporary_folder

PREFIX = "tallydesk-test-"
HOLD = f"""
import sys
from reports.engine.temporary_folders import temporary_folder
with temporary_folder({PREFIX!r}) as folder:
    open(folder + "/rows", "w").close()
    print(folder, flush=True)
    sys.stdin.read()
"""


pytestmark = pytest.mark.processes


@pytest.fixture(name="place", autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture(name="other")
def _other() -> "Iterator[tuple[subprocess.Popen[str], Path]]":
    """Start another process; yield it and its folder, which has not been written to for a while."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        long_ago = time.time() - 2 * GRACE_SECONDS
        os.utime(folder, (long_ago, long_ago))
        yield process, folder
        process.kill()


def test_a_folder_is_gone_at_the_end_whatever_happens(place: Path) -> None:
    def fail() -> None:
        with temporary_folder(PREFIX) as folder:
            Path(folder, "rows").touch()
            assert list(place.iterdir()) == [Path(folder)]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_leaves_behind_the_next_one_deletes(
    place: Path, other: "tuple[subprocess.Popen[str], Path]"
) -> None:
    process, folder = other
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.exists()

    with temporary_folder(PREFIX) as own:
        assert list(place.iterdir()) == [Path(own)]


def test_the_folder_of_who_is_at_work_stays(place: Path, other: "tuple[subprocess.Popen[str], Path]") -> None:
    _process, folder = other

    with temporary_folder(PREFIX):
        assert Path(folder, "rows").exists()
    assert list(place.iterdir()) == [folder]


def test_a_folder_just_made_stays(place: Path) -> None:
    (place / f"{PREFIX}new").mkdir()

    with temporary_folder(PREFIX):
        assert (place / f"{PREFIX}new").exists()
