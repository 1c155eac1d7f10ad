"""Gunicorn configuration of a server that holds requests longer than a test takes on a busy machine."""

from typing import Any

LONGEST_WAIT = 99
"""The longest value of the API's `wait` parameter, in seconds."""


def when_ready(_server: Any) -> None:
    """Raise the product's limit before the processes are forked; it can be imported once the application is loaded."""
    from reports.api import polling  # noqa: PLC0415 - as above

    polling.MAX_WAIT_SECONDS = LONGEST_WAIT
