"""Becomes a part: `launcher.py SUPERVISOR COMMAND...` has the kernel end it with its supervisor, then runs COMMAND.

A supervisor that is killed with SIGKILL cannot stop its parts, which would live on and keep the port.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):  # the supervisor died before the call
        raise SystemExit(1)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the supervisor's own command, not through a shell


if __name__ == "__main__":
    main()
