"""`manage.py demo`: web server, workers and scheduler as one, until it is told to stop."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.demo.sign_ins import SIGN_INS
from config.embedded import database_settings
from tests.setup.servers import PROJECT


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def demo(port: int, log: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--empty"],
        cwd=PROJECT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


def lines_until(text: str, log: Path, process: "subprocess.Popen[bytes]", seconds: float = 120) -> list[str]:
    """What the demo wrote, once a line begins with the text."""
    end = time.monotonic() + seconds
    while True:
        lines = log.read_text().splitlines()
        if any(line.startswith(text) for line in lines):
            return lines
        assert process.poll() is None, lines
        assert time.monotonic() < end, lines
        time.sleep(0.1)


def answers(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/admin/login/")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


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
    home: Path, tmp_path: Path, port: int
) -> None:
    log = tmp_path / "log"
    process = demo(port, log)
    try:
        lines = lines_until("Ready: ", log, process)
        assert f"Ready: http://127.0.0.1:{port}/" in lines
        assert all(any(email in line and password in line for line in lines) for email, password, _ in SIGN_INS)
        assert answers(port) == 200
        second = demo(port + 1 if port < 65_535 else port - 1, tmp_path / "second")
        assert second.wait(timeout=60) == 1
        assert "runs already" in (tmp_path / "second").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
    assert log.read_text().splitlines()[-1] == "Stopped."
    assert answers(port) is None
    assert processes_of(home) == []
    assert not Path(database_settings()["HOST"]).exists()


def test_a_broker_that_dies_stops_the_demo_and_is_named(home: Path, tmp_path: Path, port: int) -> None:
    log = tmp_path / "log"
    process = demo(port, log)
    try:
        lines_until("Ready: ", log, process)
        os.kill(int((home / "valkey.pid").read_text()), signal.SIGKILL)
        assert process.wait(timeout=30) == 1
    finally:
        process.kill()
        process.wait()
    assert "Valkey died. Its log" in log.read_text()
    assert processes_of(home) == []


def test_a_taken_port_is_said_before_anything_slow_begins(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert demo(port, log).wait(timeout=30) == 1
    assert log.read_text().startswith(f"CommandError: Another program listens on 127.0.0.1:{port}.")
    assert not (home / "postgres").exists()
