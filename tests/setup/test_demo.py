"""`manage.py demo`: web server, workers and scheduler as one, until it is told to stop."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from config.embedded import database_settings
from demo.sign_ins import SIGN_INS
from tests.processes import free_port
from tests.setup.servers import PROJECT
from tests.waiting import GUARD_SECONDS, wait_for

# The command with its own servers and supervisor, whose parts only say that they start; the first test runs real ones.
IDLE_PARTS = """
import runpy, sys
from dataclasses import replace
from config.management.commands import demo
real_parts = demo.demo_parts
idle = ["/bin/sh", "-c", "echo starts; exec sleep 600"]
demo.demo_parts = lambda *words, **options: [replace(part, command=idle) for part in real_parts(*words, **options)]
demo.web_answers = demo.workers_answer = lambda *_words: True
sys.argv[0] = "manage.py"
runpy.run_path("manage.py", run_name="__main__")
"""
START_SECONDS = 120
"""A guard for a whole demo that starts: its programs are many."""


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago, and so was the one of the metrics."""
    while True:
        port = free_port()
        with suppress(OSError), socket.create_server(("127.0.0.1", port + 1000)):
            return port


def demo(
    port: int, log: Path, *, program: Sequence[str] = ("manage.py",), **variables: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, *program, "demo", "--empty"],
        cwd=PROJECT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "PORT": str(port)} | variables,
        stdin=subprocess.DEVNULL,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


def lines_until(text: str, log: Path, process: "subprocess.Popen[bytes]") -> list[str]:
    """Return what the demo wrote, once a line begins with the text."""

    def lines() -> list[str]:
        found = log.read_text().splitlines()
        if any(line.startswith(text) for line in found):
            return found
        assert process.poll() is None, found
        return []

    return wait_for(lines, what=f"the demo writes '{text}'", guard=START_SECONDS)


def answers(port: int) -> int | None:
    answer = fetched(port, "/admin/login/")
    return answer[0] if answer else None


def fetched(port: int, path: str) -> tuple[int, str] | None:
    """Status and body of an answer; None when nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def body_of(port: int, path: str) -> str:
    answer = fetched(port, path)
    return answer[1] if answer else ""


def processes_of(home: Path) -> list[str]:
    """The command lines of what still runs for this home, from their environment."""
    mark = f"TALLYDESK_HOME={home}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes().split(b"\0") and environment.parent.name != str(os.getpid()):
                found.append((environment.parent / "cmdline").read_text())
        except OSError:  # it ended meanwhile, or is not ours
            continue
    return found


def test_the_demo_serves_until_it_is_told_to_stop_and_leaves_nothing_behind(
    used_home: Path, tmp_path: Path, port: int
) -> None:
    log = tmp_path / "log"
    process = demo(port, log)
    try:
        lines = lines_until("Ready: ", log, process)
        assert f"Ready: http://127.0.0.1:{port}/" in lines
        assert all(any(email in line and password in line for line in lines) for email, password, _ in SIGN_INS)
        assert not any(line.startswith("web ") for line in lines)  # that it is asked whether it serves is no news
        assert answers(port) == 200
        assert f"Metrics for Prometheus are at http://127.0.0.1:{port + 1000}/metrics" in lines
        metrics = wait_for(lambda: body_of(port + 1000, "/metrics"), what="there are metrics")
        assert 'tallydesk_requests_total{method="GET",route="admin:login",status="2xx"} 1.0' in metrics.splitlines()
        wait_for(
            lambda: "tallydesk_database_up 1.0" in body_of(port + 1000, "/metrics").splitlines(),
            what="the metrics are read from the database",
        )
        second = demo(port + 1 if port < 65_535 else port - 1, tmp_path / "second")
        assert second.wait(timeout=START_SECONDS) == 1
        assert "is already running" in (tmp_path / "second").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=GUARD_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    assert log.read_text().splitlines()[-1] == "Stopped."
    assert answers(port) is None
    assert answers(port + 1000) is None
    assert processes_of(used_home) == []
    assert not Path(database_settings()["HOST"]).exists()


def test_a_demo_whose_port_for_metrics_is_taken_says_so_and_runs_until_its_broker_dies_which_is_named(
    used_home: Path, tmp_path: Path, port: int
) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        process = demo(port, log, program=["-c", IDLE_PARTS], METRICS_PORT=str(taken))
        try:
            lines = lines_until("Ready: ", log, process)
            lines_until("web ", log, process)
            os.kill(int((used_home / "valkey.pid").read_text()), signal.SIGKILL)
            assert process.wait(timeout=GUARD_SECONDS) == 1
        finally:
            process.kill()
            process.wait()
    assert f"There are no metrics: port {taken} is taken. Set METRICS_PORT to another one." in lines
    assert not any(line.startswith("metrics ") for line in log.read_text().splitlines())
    assert "Valkey died. Its log" in log.read_text()
    assert processes_of(used_home) == []


def test_a_taken_port_is_said_before_anything_slow_begins(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert demo(port, log).wait(timeout=START_SECONDS) == 1
    assert log.read_text().startswith(f"CommandError: Another program is listening on 127.0.0.1:{port}.")
    assert not (home / "postgres").exists()
