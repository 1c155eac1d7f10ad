#!/usr/bin/env python
"""The command line: `manage.py COMMAND`. What a command needs is started before it and stopped after it."""

import os
import signal
import sys
from types import FrameType

from config.command_line import CommandLine
from config.embedded import EmbeddedError


def _end(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that what was started is stopped."""
    raise SystemExit(128 + number)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        CommandLine(sys.argv).execute()
    except EmbeddedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
