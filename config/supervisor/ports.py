"""Whether the port of the web server is free: asked before anything slow begins, also before there is an environment.

As a program (`python ports.py PORT`) it needs Python alone: exit status 1 and a sentence when the port is no good.
"""

import errno
import socket
import sys

ADDRESS = "127.0.0.1"


class PortError(Exception):
    """The port cannot be used; its text says why, and what to do."""


def free_port(text: str) -> int:
    """The number of a port that can be listened on; PortError when it is none, or somebody listens there already."""
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port < 65_536:
        raise PortError(f"PORT is '{text}', which is no port: give a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Another program listens on {ADDRESS}:{port}. Stop it, or use another port:"
            else:
                why = f"{ADDRESS}:{port} cannot be used ({error.strerror}). Use another port:"
            raise PortError(f"{why} make demo PORT={8000 if port != 8000 else 8001}") from error
    return port


if __name__ == "__main__":
    try:
        free_port(sys.argv[1])
    except PortError as error:
        sys.exit(str(error))
