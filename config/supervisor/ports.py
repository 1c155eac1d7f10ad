"""Checks that the web server's port is free, before anything slow begins and even before there is an environment.

As a program (`python ports.py PORT`) it needs only Python. If the port cannot be used, it says why and exits with 1.
"""

import errno
import socket
import sys

ADDRESS = "127.0.0.1"


class PortError(Exception):
    """Raised when the port cannot be used; the message says why, and what to do."""


def free_port(text: str) -> int:
    """Return the number of a free port. Raises PortError if the text is not a port number, or the port is in use."""
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port < 65_536:
        raise PortError(f"PORT is '{text}', which is not a port: give a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Another program is listening on {ADDRESS}:{port}. Stop it, or use another port:"
            else:
                why = f"{ADDRESS}:{port} cannot be used ({error.strerror}). Use another port:"
            raise PortError(f"{why} make demo PORT={8000 if port != 8000 else 8001}") from error
    return port


if __name__ == "__main__":
    try:
        free_port(sys.argv[1])
    except PortError as error:
        sys.exit(str(error))
