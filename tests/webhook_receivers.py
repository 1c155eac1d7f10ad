"""Receivers of webhooks: real servers on this machine that answer as a test says, and host names for them."""

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import FOREVER_SECONDS

CERTIFICATES = Path(__file__).with_name("certificates")
NAME = "hooks.example.com"
REAL_LOOK_UP = socket.getaddrinfo


@dataclass
class Received:
    """A request as it was received."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server, its answers, and the requests that it received."""

    port: int
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Give these answers from now on, one after the other, the last one for ever."""
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


@contextmanager
def receiver(*, tls: bool = False) -> Iterator[Receiver]:
    """Yield a server that answers 204 unless told otherwise."""
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with lock:
                state.at_once += 1
                state.most_at_once = max(state.most_at_once, state.at_once)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.may_answer.wait(FOREVER_SECONDS)
            with lock:
                state.at_once -= 1
                headers = {name.lower(): value for name, value in self.headers.items()}
                state.received.append(Received(self.path, headers, body))
                answers = state.answers
                status, more, content = (
                    (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else (204, {}, b"")
                )
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # clients disconnect on purpose
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state = Receiver(server.server_address[1])
    state.may_answer.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the URL of a server; `talk` gets each connection after a request with the body `{}` was read."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                request = b""
                while not request.endswith(b"\r\n\r\n{}") and (piece := connection.recv(65536)):
                    request += piece
                talk(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


class Names:
    """The addresses of host names during a test: each look-up takes the next list, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host not in self.known:
            return REAL_LOOK_UP(host, port, *arguments, **options)
        self.asked.append(host)
        answers = self.known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in addresses for found in REAL_LOOK_UP(address, port, type=socket.SOCK_STREAM)]
