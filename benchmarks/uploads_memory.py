"""The memory that uploads take: of a web server that receives a file, and a worker that checks and applies it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.test import Client

from benchmarks.uploads_world import World
from usage.models import Upload, UploadStatus

GLANCE_SECONDS = 0.05
PATIENCE_SECONDS = 600
_PIECE = 1 << 20
_BOUNDARY = "a-boundary-of-the-benchmark"
_FORM = "/admin/usage/upload/add/"


class Watched:
    """A program with all its descendants. `peak_bytes`: the most that they held in memory at one moment.

    Each page counts once for every process that shares it, so that it is never too little; `fairly`, once in all.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", *, fairly: bool = False) -> None:
        self.process = process
        self.peak_bytes = 0
        self._bytes = _proportional_bytes if fairly else _resident_bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def megabytes(self) -> float:
        """Return the peak since the last call."""
        peak, self.peak_bytes = self.peak_bytes, 0
        return peak / 1e6

    def stop(self) -> None:
        """Stop the program, which stops its descendants."""
        self._over.set()
        self._thread.join()
        self.process.send_signal(signal.SIGTERM)  # only to the first one, which stops the others when they are done
        self.process.wait()

    def _watch(self) -> None:
        while not self._over.wait(GLANCE_SECONDS):
            sizes = [self._bytes(pid) for pid in _family(self.process.pid)]
            self.peak_bytes = max(self.peak_bytes, sum(sizes))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident_bytes(pid: int) -> int:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


@contextmanager
def _running(module: str, *options: str, fairly: bool = False) -> Iterator[Watched]:
    environment = os.environ | {"WEB_CONCURRENCY": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-Wignore", "-m", module, *options]
    watched = Watched(subprocess.Popen(command, env=environment, start_new_session=True), fairly=fairly)
    try:
        yield watched
    finally:
        watched.stop()


@contextmanager
def working(queue: str = "uploads", *, fairly: bool = False) -> Iterator[Watched]:
    """Run a worker with one process for uploads or reports, as `make demo` does."""
    options = ["-Q", queue, "-c", "1", "-l", "error", "--without-gossip", "--without-mingle"]
    with _running("celery", "-A", "config", "--quiet", "worker", *options, fairly=fairly) as worker:
        yield worker


@contextmanager
def serving() -> Iterator[tuple[Watched, int]]:
    """Run the web server with one process; yield it and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ["--config", "python:config.gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    with _running("gunicorn", "config.wsgi:application", *where) as server:
        until(lambda: _answers(port), seconds=30)
        yield server, port


def send(path: Path, world: World, port: int) -> Upload:
    """Post a file with the admin's form, piece by piece, as a browser does."""
    cookies = _cookies(world)
    fields = {"kind": "calls", "account": world.account.pk, "csrfmiddlewaretoken": cookies["csrftoken"]}
    start = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    start += (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    end = f"\r\n--{_BOUNDARY}--\r\n"
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(len(start) + path.stat().st_size + len(end)),
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", _FORM, _body(start, path, end), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 302:
        raise RuntimeError(f"{_FORM} answers {answer.status}: {text[:2000]!r}")
    return Upload.objects.get(pk=str(answer.getheader("Location")).strip("/").split("/")[3])


def _body(start: str, path: Path, end: str) -> Iterator[bytes]:
    yield start.encode()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
    yield end.encode()


def _cookies(world: World) -> dict[str, str]:
    """Return the cookies of an administrator who has opened the form."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(world.administrator)
    client.get(_FORM)
    return {name: morsel.value for name, morsel in client.cookies.items()}


def decided_by_worker(upload: Upload, status: UploadStatus) -> None:
    """Wait until a worker has brought the upload to this status. Fails if it ends in another one."""

    def stands() -> bool:
        found = Upload.objects.select_related("latest_step").get(pk=upload.pk)
        if not found.is_under_way and found.status != status:
            raise RuntimeError(f"{found}: {found.status}. {found.latest_step and found.latest_step.failure}")
        return found.status == status

    until(stands, seconds=PATIENCE_SECONDS)


def _answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def until(is_so: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError("it takes too long")
        time.sleep(0.1)
