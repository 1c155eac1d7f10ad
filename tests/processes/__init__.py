"""A web server, workers, a scheduler and a broker as processes of a test, which ends all of them."""

import os
import secrets
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from config.embedded.binaries import valkey_program
from jobs.broker import circuit
from tests.processes.forking import ForkedProcess, fork_server
from tests.waiting import wait_for

_FIRST_PORT, _PORTS = 20_000, 12_000

__all__ = ["FAST", "Broker", "ForkedProcess", "Processes", "children", "database_url", "free_port", "is_running"]

FAST: dict[str, Any] = {
    "JOB_LEASE_SECONDS": 120,
    "JOB_HEARTBEAT_SECONDS": 0.5,
    "JOB_SWEEP_SECONDS": 0.5,
    "JOB_REPUBLISH_SECONDS": 2,
    "BROKER_PAUSE_SECONDS": 0.5,
}
"""What is lost is found soon. A lease is longer than a busy machine stands still: a test ends it by `expire_lease`."""


def is_running(pid: int) -> bool:
    """Return whether a process lives; a zombie does not."""
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


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
        wait_for(self.answers, what="the broker answers")
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
    """Web servers, workers and schedulers on the test's database and broker, with files in the folder."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.broker = broker
        self.started: list[ForkedProcess] = []

    def worker(self, queues: str, *options: str, **variables: Any) -> ForkedProcess:
        """Start a worker with one process for its pool."""
        name = f"{queues}{len(self.started)}@test"
        usual = ["-Q", queues, "-n", name, "-c", "1", "-l", "info", "--without-gossip", "--without-mingle"]
        return self._celery("worker", *usual, *options, **variables)

    def maintenance(self, **variables: Any) -> ForkedProcess:
        """Start what runs the sweep: its worker, with a scheduler inside."""
        schedule = str(self.folder / f"schedule{len(self.started)}")
        return self.worker("maintenance", "-B", "--schedule", schedule, **variables)

    def web(self, *options: str, **variables: Any) -> str:
        """Start a web server with two processes of four threads; its address without a final slash, once it answers."""
        port = free_port()
        usual = ["config.wsgi:application", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--preload"]
        threads = ["--worker-class", "gthread", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
        process = self._start("web", ["gunicorn", *usual, *threads, *options], **variables)
        wait_for(lambda: listens(port) or process.poll() is not None, what="the web server listens")
        assert process.poll() is None, self.logs()
        return f"http://127.0.0.1:{port}"

    def end(self) -> None:
        for process in self.started:
            process.kill_all()

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()}" for log in sorted(self.folder.glob("*.log")))

    def _celery(self, *options: str, **variables: Any) -> ForkedProcess:
        return self._start(options[0], ["celery", "-A", "tests.faults.application", *options], **variables)

    def _start(self, name: str, command: list[str], **variables: Any) -> ForkedProcess:
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
        log = self.folder / f"{len(self.started)}-{name}.log"
        process = fork_server.start(command, environment=environment, log=log)
        self.started.append(process)
        return process


def free_port() -> int:
    """Return a port of the loopback address without a listener, which stays free until a test uses it.

    The system gives the ports from 32768 on to any connection at any moment; these are given only to those who ask for
    them by number.
    """
    while True:
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


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
