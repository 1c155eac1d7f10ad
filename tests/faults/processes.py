"""A web server, workers, a scheduler and a broker as processes of a test, which ends all of them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import redis
from django.conf import settings
from django.db import connection

from config.embedded.binaries import valkey_program
from jobs.broker import circuit
from tests import waiting

Found = TypeVar("Found")


def wait_for(happened: Callable[[], Found], *, seconds: float, what: str, pause: float = 0.02) -> Found:
    """What the function returns once that is true; an AssertionError when it takes longer."""
    return waiting.wait_for(happened, what=what, guard=seconds, pause=pause)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z" and int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


class Broker:
    """A Valkey of its own, which remembers nothing when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "broker.sock"
        self.url = f"unix://{self.socket}?db=0"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        options = {"port": "0", "unixsocket": str(self.socket), "save": "", "appendonly": "no", "dir": "/tmp"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([str(valkey_program()), *words], stdout=subprocess.DEVNULL)
        wait_for(self.answers, seconds=10, what="the broker answers")
        circuit.forget()

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Processes:
    """Web servers, workers and schedulers on the test's database and broker."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.broker = broker
        self.started: list[subprocess.Popen[bytes]] = []

    def worker(self, queue: str, *options: str, **variables: Any) -> subprocess.Popen[bytes]:
        """A worker with one process for its pool; it takes a few seconds until it is ready."""
        name = f"{queue}{len(self.started)}@test"
        usual = ["-Q", queue, "-n", name, "-c", "1", "-l", "info", "--without-gossip", "--without-mingle"]
        return self._celery("worker", *usual, *options, **variables)

    def maintenance(self, **variables: Any) -> subprocess.Popen[bytes]:
        """What runs the sweep: its worker, with a scheduler inside."""
        schedule = str(self.folder / f"schedule{len(self.started)}")
        return self.worker("maintenance", "-B", "--schedule", schedule, **variables)

    def web(self, *options: str, **variables: Any) -> str:
        """A web server with two processes of four threads, once it answers; returns where, without a final slash."""
        port = free_port()
        usual = ["config.wsgi:application", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--preload"]
        threads = ["--worker-class", "gthread", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
        process = self._start("web", ["gunicorn", *usual, *threads, *options], **variables)
        wait_for(lambda: listens(port) or process.poll() is not None, seconds=30, what="the web server listens")
        assert process.poll() is None, self.logs()
        return f"http://127.0.0.1:{port}"

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()}" for log in sorted(self.folder.glob("*.log")))

    def _celery(self, *options: str, **variables: Any) -> subprocess.Popen[bytes]:
        return self._start(options[0], ["celery", "-A", "tests.faults.application", *options], **variables)

    def _start(self, name: str, module: list[str], **variables: Any) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.broker.url,
            "FILES_ROOT": str(settings.FILES_ROOT),
            "SECRET_KEY": "only-for-tests",
            "HTTPS": "false",
            **{name: str(value) for name, value in variables.items()},
        }
        with (self.folder / f"{len(self.started)}-{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                env=environment,
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def database_url() -> str:
    """The test's database, for another process."""
    database = connection.settings_dict
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    is_socket = str(database["HOST"]).startswith("/")
    host = "" if is_socket else f"{database['HOST']}:{database['PORT'] or 5432}"
    path = f"{database['HOST']}/{database['NAME']}" if is_socket else database["NAME"]
    return f"postgres://{login}@{host}/{path}"
