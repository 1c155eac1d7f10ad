"""Processes that a fork server starts for a test, used like those of `subprocess`."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.waiting import wait_for


class ForkServer:
    """The fork server of this process. The first order starts it, and it ends with this process at the latest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def start(self, command: list[str], *, environment: dict[str, str], log: Path) -> "ForkedProcess":
        """Start `python -m COMMAND` as the leader of its own session; its output is appended to the log."""
        order = {"command": command, "environment": environment, "log": str(log)}
        return ForkedProcess(self, command, self._ask(order))

    def poll(self, pid: int) -> int | None:
        """Return the exit status of a process that was started here; None while it runs."""
        status: int | None = self._ask({"poll": pid})
        return status

    def stop(self) -> None:
        """Stop the fork server and all processes that it started."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _ask(self, order: dict[str, Any]) -> Any:
        with self._lock:
            if self._process is None:
                self._process = _start_server()
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(f"{json.dumps(order)}\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


def _start_server() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.processes.fork_server"],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline(), "the fork server did not start"
    return process


class ForkedProcess:
    """A process of the fork server, with what tests need of `subprocess.Popen`."""

    def __init__(self, server: ForkServer, args: list[str], pid: int) -> None:
        self.args = args
        self.pid = pid
        self._server = server

    def poll(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        return self._server.poll(self.pid)

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        wait_for(lambda: self.poll() is not None, what=f"{self.args[0]} ends")
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        os.kill(self.pid, number)

    def kill_all(self) -> None:
        """Kill it and every process that it has started."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()


fork_server = ForkServer()
"""The one that all tests of this process share."""
