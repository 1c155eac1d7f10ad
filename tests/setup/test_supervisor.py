"""The supervisor, with tiny programs as parts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.setup.servers import PROJECT
from tests.waiting import GUARD_SECONDS, wait_for

# Runs the parts given as NAME=SHELL COMMAND, like the demo: "Ready" once the file `ready` exists.
PROGRAM = """
import sys
from pathlib import Path
from config.supervisor import Console, Part, SupervisorError, supervise, supervision
# Pauses that a test does not have to wait for, and limits that no machine is too slow for.
supervision.FIRST_PAUSE = 0.05
supervision.STOP_SECONDS = supervision.DEATHS_WITHIN = supervision.START_SECONDS = 600
parts = [Part(name, ["/bin/sh", "-c", script]) for name, _, script in (word.partition("=") for word in sys.argv[1:])]
console = Console(sys.stdout, [part.name for part in parts])
try:
    supervise(
        parts,
        console,
        is_ready=Path("ready").exists,
        when_ready=lambda: console.say("Ready"),
        trouble=lambda: "The disk is on fire." if Path("trouble").exists() else None,
    )
except SupervisorError as error:
    sys.exit(str(error))
console.say("Stopped.")
"""


@contextmanager
def supervised(folder: Path, *parts: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *parts],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def number_in(file: Path) -> int:
    """Return the process ID that a part wrote, once it is there."""
    wait_for(lambda: file.exists() and file.read_text().strip(), what=f"a part writes {file.name}")
    return int(file.read_text())


def lives(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_lines_carry_the_name_of_the_part_that_wrote_them(tmp_path: Path) -> None:
    (tmp_path / "ready").touch()
    with supervised(
        tmp_path, "web=echo hello; echo oops >&2; exec sleep 600", "worker=printf 'no end'; echo $$ >a; exec sleep 600"
    ) as process:
        lines: list[str] = []
        assert process.stdout is not None
        while not {"Ready", "web    | oops"} <= set(lines):
            lines.append(process.stdout.readline().rstrip("\n"))
        number_in(tmp_path / "a")
        process.terminate()
        rest, errors = process.communicate(timeout=GUARD_SECONDS)
    everything = [*lines, *rest.splitlines()]
    assert {"web    | hello", "web    | oops", "worker | no end"} <= set(everything)
    assert everything[-1] == "Stopped."
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_parts_with_their_children(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path, "polite=echo $$ >a; exec sleep 600", "family=sleep 600 & echo $! >b; wait") as process:
        parts = [number_in(tmp_path / "a"), number_in(tmp_path / "b")]
        process.send_signal(number)
        process.communicate(timeout=GUARD_SECONDS)
    assert process.returncode == 0
    assert not any(map(lives, parts))


def test_a_second_signal_does_not_wait_for_a_stubborn_part(tmp_path: Path) -> None:
    with supervised(tmp_path, "stubborn=trap 'echo no >b' TERM; echo $$ >a; while :; do sleep 0.1; done") as process:
        stubborn = number_in(tmp_path / "a")
        process.send_signal(signal.SIGINT)
        wait_for((tmp_path / "b").exists, what="the part is told to stop")
        assert lives(stubborn)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=GUARD_SECONDS)
    assert not lives(stubborn)


def test_a_part_that_dies_is_started_again_and_its_orphans_are_ended(tmp_path: Path) -> None:
    with supervised(tmp_path, "web=sleep 600 & echo $! >orphan.$$; echo $$ >a; wait") as process:
        first = number_in(tmp_path / "a")
        orphan = number_in(tmp_path / f"orphan.{first}")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: number_in(tmp_path / "a") != first, what="the part to restart")
        assert not lives(orphan)
        process.terminate()
        output, _ = process.communicate(timeout=GUARD_SECONDS)
    assert "web | died (killed by SIGKILL); restarting in 0.05 s" in output


def test_five_deaths_within_a_minute_end_everything_and_name_the_part(tmp_path: Path) -> None:
    with supervised(tmp_path, "good=echo $$ >a; exec sleep 600", "bad=echo the reason; exit 3") as process:
        good = number_in(tmp_path / "a")
        output, errors = process.communicate(timeout=GUARD_SECONDS)
    assert process.returncode == 1
    assert output.count("bad  | died (exit status 3)") == 4
    assert [f"restarting in {pause} s" in output for pause in ("0.05", "0.1", "0.2", "0.4")] == [True] * 4
    assert errors.startswith("bad died 5 times within a minute. Its last lines:\n")
    assert errors.endswith("  the reason\n")
    assert not lives(good)


def test_trouble_elsewhere_ends_everything_and_is_reported(tmp_path: Path) -> None:
    with supervised(tmp_path, "web=echo $$ >a; exec sleep 600") as process:
        part = number_in(tmp_path / "a")
        (tmp_path / "trouble").touch()
        _, errors = process.communicate(timeout=GUARD_SECONDS)
    assert (process.returncode, errors) == (1, "The disk is on fire.\n")
    assert not lives(part)


def test_parts_do_not_outlive_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, "web=echo $$ >a; exec sleep 600") as process:
        part = number_in(tmp_path / "a")
        process.kill()
        process.wait()
        wait_for(lambda: not lives(part), what="the part ends")


def test_a_closed_output_ends_everything(tmp_path: Path) -> None:
    with supervised(tmp_path, "web=echo $$ >a; while :; do echo noise; sleep 0.1; done") as process:
        part = number_in(tmp_path / "a")
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=GUARD_SECONDS)
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.returncode == 0
        process.stdout = None
    assert not lives(part)
