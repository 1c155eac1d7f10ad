"""How soon the programs stop, or report why they cannot start: the supervisor, the demo, the metrics server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from benchmarks.measuring import Figure
from config.supervisor.supervision import STOP_SECONDS

PATIENCE_SECONDS = 120
TWICE_BOUND, STOP_BOUND, REFUSED_BOUND, METRICS_BOUND = 0.3, 1, 5, 1
DEMO = ("manage.py", "demo", "--empty")
STUBBORN = """
import sys
from config.supervisor import Console, Part, supervise
script = "trap 'echo no' TERM; echo here; while :; do sleep 0.1; done"
console = Console(sys.stdout, ["stubborn"])
supervise([Part("stubborn", ["/bin/sh", "-c", script])], console, is_ready=lambda: False, when_ready=lambda: None)
"""

Environment = dict[str, str]


def figures() -> Iterator[Figure]:
    """Measure each beside the supervisor's time-out for its parts, or beside a command that does nothing."""
    yield Figure("a second Ctrl-C with a stubborn part", _twice(), "its patience", STOP_SECONDS, TWICE_BOUND)
    nothing = min(_seconds_of({}, "manage.py", "version", status=0) for _round in range(3))
    with _home() as home:
        yield from _demos(home, nothing)
    yield _metrics()


def _demos(home: Environment, nothing: float) -> Iterator[Figure]:
    against, patience = "a command that does nothing", "the supervisor's patience"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        seconds = _seconds_of(home | {"PORT": port}, *DEMO, status=1)
    yield Figure("a demo whose port is taken", seconds, against, nothing, REFUSED_BOUND)
    with _started(home | {"PORT": _free_port()}, *DEMO) as demo:
        _until_line(demo, "Ready: ")
        seconds = _seconds_of(home | {"PORT": _free_port()}, *DEMO, status=1)
        yield Figure("a second demo", seconds, against, nothing, REFUSED_BOUND)
        seconds = _seconds_until_end(demo, lambda: demo.send_signal(signal.SIGINT))
    yield Figure("Ctrl-C until the demo has ended", seconds, patience, STOP_SECONDS, STOP_BOUND)
    with _started(home | {"PORT": _free_port()}, *DEMO) as demo:
        _until_line(demo, "Ready: ")
        broker = int(Path(home["TALLYDESK_HOME"], "valkey.pid").read_text())
        seconds = _seconds_until_end(demo, lambda: os.kill(broker, signal.SIGKILL))
    yield Figure("its broker's death until the demo has ended", seconds, patience, STOP_SECONDS, STOP_BOUND)


def _twice() -> float:
    with _started({}, "-c", STUBBORN) as process:
        _until_line(process, "stubborn | here")
        process.send_signal(signal.SIGINT)
        _until_line(process, "stubborn | no")
        return _seconds_until_end(process, lambda: process.send_signal(signal.SIGINT))


def _metrics() -> Figure:
    port = int(_free_port())
    start = time.perf_counter()
    with _started({}, "manage.py", "serve_metrics", "--port", str(port)) as process:
        while not _listens(port):
            time.sleep(0.02)
        starting = time.perf_counter() - start
        stopping = _seconds_until_end(process, lambda: process.send_signal(signal.SIGTERM))
    return Figure("SIGTERM until the metrics are no longer served", stopping, "their start", starting, METRICS_BOUND)


@contextmanager
def _home() -> Iterator[Environment]:
    """Return an unused home as an environment variable."""
    folder = tempfile.mkdtemp(prefix="tallydesk-bench-")
    Path(folder).chmod(0o711)  # PostgreSQL runs as another user if this one is root, and must be able to enter
    try:
        yield {"TALLYDESK_HOME": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(environment: Environment, *words: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-u", *words],
        cwd=settings.BASE_DIR,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _seconds_of(environment: Environment, *words: str, status: int) -> float:
    """Return the seconds of a program from its start to its end."""
    start = time.perf_counter()
    with _started(environment, *words) as process:
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    if process.returncode != status:
        raise RuntimeError(f"{words} ends with {process.returncode}: {said}")
    return time.perf_counter() - start


def _seconds_until_end(process: "subprocess.Popen[str]", act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    process.communicate(timeout=PATIENCE_SECONDS)
    return time.perf_counter() - start


def _until_line(process: "subprocess.Popen[str]", beginning: str) -> None:
    """Read the program's output up to the first line with this beginning."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            return
    raise RuntimeError(f"no line begins with {beginning!r}: {''.join(lines)}")


def _free_port() -> str:
    """Return a port that was just free, like the next one, which is for metrics."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = int(listening.getsockname()[1])
        if port + 1000 < 65_536 and not _listens(port + 1000):
            return str(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
