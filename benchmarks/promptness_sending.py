"""How soon an attempt to deliver a webhook is cut off, and the look-up of a name that does not resolve ends."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch

from django.test import override_settings

from benchmarks.measuring import Figure
from reports.webhooks.addresses import AddressError, read_url, resolve
from reports.webhooks.send import SECONDS, send

LIMIT, BODY_LIMIT, NAME_LIMIT = 0.5, 2.0, 0.2
CUT_OFF_BOUND, BODY_BOUND, NAME_BOUND, REFUSED_BOUND = 1.5, 1.15, 3, 0.15
ROUNDS = 3
PAUSE = 0.05

Talk = Callable[[socket.socket], None]


def figures() -> Iterator[Figure]:
    """Use the shorter limits of the tests: the time beyond a limit does not grow with the limit."""
    with override_settings(WEBHOOKS_ALLOW_LOOPBACK=True):
        for name, talk in {"drips": _drip, "is silent": _be_silent, "never ends its headers": _add_headers}.items():
            seconds = _least(talk, LIMIT, error=f"No complete response within {LIMIT:g} seconds.")
            yield Figure(f"an attempt whose answer {name}", seconds, "its limit", LIMIT, CUT_OFF_BOUND)
        seconds = _least(_drip_the_body, BODY_LIMIT, error="")
        yield Figure("an attempt whose answer's body drips", seconds, "its limit", BODY_LIMIT, BODY_BOUND)
        for name, talk in {"too long an answer": _flood, "another protocol's answer": _greet}.items():
            seconds = _least(talk, SECONDS, error=None)
            yield Figure(f"an attempt with {name}", seconds, "its limit", SECONDS, REFUSED_BOUND)
    seconds = min(_refused_name() for _round in range(ROUNDS))
    yield Figure("a name that resolves too slowly", seconds, "its limit", NAME_LIMIT, NAME_BOUND)


def _least(talk: Talk, limit: float, *, error: str | None) -> float:
    """Return the seconds of an attempt that ends with this error, or with any error (None)."""
    least = float("inf")
    for _round in range(ROUNDS):
        with _server(talk) as url:
            start = time.perf_counter()
            outcome = send(url, b"{}", {}, seconds=limit)
            least = min(least, time.perf_counter() - start)
        if (error is None and not outcome.error) or (error is not None and outcome.error != error):
            raise RuntimeError(f"{talk.__name__}: {outcome}")
    return least


@contextmanager
def _server(talk: Talk) -> Iterator[str]:
    """Run a server that reads the beginning of a request and then does this until the client disconnects."""

    def serve() -> None:
        with suppress(OSError):
            connection = listening.accept()[0]
            with connection:
                connection.recv(65536)
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        thread.join()


def _drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"X")
        time.sleep(PAUSE)


def _be_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def _add_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: y\r\n")
        time.sleep(PAUSE)


def _drip_the_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    _drip(connection)


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: " + b"y" * 8000 + b"\r\n")


def _greet(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
    _be_silent(connection)


def _refused_name() -> float:
    is_over = threading.Event()
    with patch("socket.getaddrinfo", lambda *_arguments, **_options: is_over.wait() and []):
        start = time.perf_counter()
        with suppress(AddressError):
            resolve(read_url("https://hooks.example.com/"), seconds=NAME_LIMIT)
        seconds = time.perf_counter() - start
        is_over.set()
    return seconds
