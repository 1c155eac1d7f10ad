"""What both servers share: starting, adopting one that a killed process left behind, and stopping.

A running server holds the lock on its `.alive` file: it inherits the open file, and the kernel releases the lock when
the server's last process ends. So a stale PID is never mistaken for a server, and a copied home has no server.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.locks import is_held, opened
from config.embedded.owners import Owner

START_SECONDS = 120  # a database may take long to recover from a crash
SETTLE_SECONDS = 10
STOP_SECONDS = 20
LOG_BYTES = 1_000_000
PAUSE = 0.01


class Server(ABC):
    """One embedded server of one home."""

    title: str
    name: str
    stop_signal: signal.Signals
    kill_signal: signal.Signals = signal.SIGKILL

    def __init__(self, home: Path, sockets: Path, owner: Owner, *, durable: bool) -> None:
        self.home = home
        self.sockets = sockets
        self.owner = owner
        self.durable = durable
        self.alive = home / f"{self.name}.alive"
        self.log = home / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    @abstractmethod
    def socket_file(self) -> Path:
        """The unix socket it listens on."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs, before any of its processes runs."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program and its arguments."""

    @abstractmethod
    def process_id(self) -> int | None:
        """Return the PID that the server wrote into its file; meaningless unless the server is alive."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the living server is ready on its socket."""

    @property
    def is_alive(self) -> bool:
        return is_held(self.alive)

    def launch(self, *, is_alone: bool) -> None:
        """Start the server, unless one of this home is alive and answers; `await_ready` must follow.

        If `is_alone`, so that no other process uses the server, one that is alive but does not answer (its socket is
        lost, its home was moved) is replaced. Otherwise it raises EmbeddedError.
        """
        if self.is_alive:
            self._wait(SETTLE_SECONDS, lambda: self.answers() or not self.is_alive)
            if self.is_alive and self.answers():
                return
            if not is_alone:
                raise EmbeddedError(f"{self.title} of {self.home} does not answer. Stop its other users, then retry.")
            self.stop()
        self._make_sockets_folder()
        self.prepare()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.process = self.spawn(self.command())

    def spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program of the server, which holds the lock on `.alive`.

        It runs in a session of its own, so that Ctrl-C in the terminal reaches only this process.
        """
        with opened(self.alive) as alive, self.log.open("ab") as log:
            fcntl.flock(alive, fcntl.LOCK_EX)
            try:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                    pass_fds=[alive],
                    start_new_session=True,
                    umask=0o077,
                    **self.owner.spawn_options,
                )
            except OSError as error:
                raise EmbeddedError(f"{self.title} did not start: {command[0]}: {error.strerror}.") from error

    def await_ready(self) -> None:
        """Wait until the launched server answers. If it does not start, raise EmbeddedError with the end of its log."""
        process = self.process
        if process is None:
            return
        self._wait(START_SECONDS, lambda: process.poll() is not None or self.answers())
        if process.poll() is not None or not self.answers():
            raise EmbeddedError(f"{self.title} did not start. Its log ({self.log}) ends:\n{self.log_tail()}")

    def stop(self) -> None:
        """Stop the server, gracefully at first, until none of its processes is left."""
        if self.is_alive:
            self._wait(SETTLE_SECONDS, lambda: self.process_id() is not None or not self.is_alive)
            for number in (self.stop_signal, self.kill_signal, signal.SIGKILL):
                if not self._signal(number) or self._wait(STOP_SECONDS, lambda: not self.is_alive):
                    break
        if self.process:
            self.process.wait()
            self.process = None
        if self.is_alive:
            raise EmbeddedError(f"{self.title} of {self.home} does not stop; its log is {self.log}.")
        self.socket_file.unlink(missing_ok=True)
        if self.sockets.is_dir() and not any(self.sockets.iterdir()):
            self.sockets.rmdir()

    def let_go(self) -> None:
        """Reap the process if it has ended; if it serves others, let it run."""
        if self.process and not self.is_alive:
            self.process.wait()

    def log_tail(self, lines: int = 6) -> str:
        """The last lines that this start wrote, indented."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (nothing)"

    def accepts_connections(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket_file))
            except OSError:
                return False
        return True

    def _signal(self, number: signal.Signals) -> bool:
        process_id = self.process_id()
        if not self.is_alive or process_id is None:
            return False
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            return self.is_alive  # the main process is gone; its children end by themselves
        return True

    def _make_sockets_folder(self) -> None:
        try:
            self.sockets.mkdir(mode=0o700)
            self.owner.give(self.sockets)
        except FileExistsError:
            status = self.sockets.lstat()
            if self.sockets.is_symlink() or not self.owner.owns(self.sockets) or status.st_mode & 0o077:
                raise EmbeddedError(
                    f"Another account has made {self.sockets}. Run the command again: it chooses another name."
                ) from None

    @staticmethod
    def _wait(seconds: float, happened: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE)
        return True
