"""One supervised part: its program, its current process and its deaths."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.supervisor.console import Console

LAUNCHER = Path(__file__).with_name("launcher.py")
LINES_KEPT = 15
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class Part:
    """A program that runs until it is stopped: a name for people, and the command (an absolute path first)."""

    name: str
    command: Sequence[str]


class Supervised:
    """A part with its process, which has a session of its own, so that Ctrl-C reaches only the supervisor."""

    def __init__(self, part: Part, console: Console) -> None:
        self.part = part
        self.deaths: deque[float] = deque()
        self.restart_at: float | None = None
        self.last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._console = console
        self._unfinished = b""
        self.process = self._spawn()

    def restart(self) -> None:
        """Start the program again, after `bury`."""
        self.restart_at = None
        self.process = self._spawn()

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended. It is not reaped yet, so that its PID is not reused."""
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def relay(self) -> bool:
        """Write the output since the last call. Return False once there can be no more."""
        while True:
            try:
                piece = os.read(self.output, LONGEST_LINE)
            except BlockingIOError:
                return True
            if not piece:
                return False
            *lines, self._unfinished = (self._unfinished + piece).split(b"\n")
            for line in lines:
                self._say(line)
            if len(self._unfinished) > LONGEST_LINE:
                self._finish_line()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, which knows best how to stop its children."""
        if not self.has_ended:
            os.kill(self.process.pid, number)

    def bury(self) -> int:
        """Kill what is left of a part that has ended, or will not end, and return its exit status."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.relay()
            self._finish_line()
            if self.process.stdout:
                self.process.stdout.close()
        return self.process.returncode

    def _spawn(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *self.part.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        self.output = process.stdout.fileno()
        os.set_blocking(self.output, False)
        return process

    def _finish_line(self) -> None:
        if self._unfinished:
            self._say(self._unfinished)
            self._unfinished = b""

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self.last_lines.append(text)
        self._console.line(self.part.name, text)


def described(status: int) -> str:
    """Return an exit status in words: `exit status 1`, `killed by SIGKILL`."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
