"""The embedded Valkey. It listens only on a unix socket, and appends every write to a file in the home."""

import signal
import socket
from pathlib import Path

from config.embedded.binaries import valkey_program
from config.embedded.homes import Place
from config.embedded.owners import ourselves
from config.embedded.servers import Server

SOCKET_NAME = "valkey.sock"


class Valkey(Server):
    """A server with Redis's protocol, which runs under our own account."""

    title = "Valkey"
    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, place: Place, *, durable: bool) -> None:
        super().__init__(home, place.valkey_sockets, ourselves(), durable=durable)
        self.data = home / "valkey"
        self._pid_file = home / "valkey.pid"

    @property
    def socket_file(self) -> Path:
        return self.sockets / SOCKET_NAME

    def prepare(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._pid_file.unlink(missing_ok=True)
        self.socket_file.unlink(missing_ok=True)

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket_file),
            "unixsocketperm": "700",
            "protected-mode": "yes",
            "dir": str(self.data),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "pidfile": str(self._pid_file),
            "loglevel": "notice",
        }
        return [str(valkey_program()), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def process_id(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def answers(self) -> bool:
        """Return whether PING succeeds; while data is being loaded, it is answered with an error."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket_file))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False
