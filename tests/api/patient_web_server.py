"""Configuration of Gunicorn: a web server that holds requests for longer than a busy machine takes for a test."""

from typing import Any

LONGEST_WAIT = 99
"""The longest that the API's parameter can say, in seconds."""


def when_ready(_server: Any) -> None:
    """Raise the product's limit before the processes are forked; it can be imported once the application is loaded."""
    from reports.api import polling  # noqa: PLC0415 - as above

    polling.MAX_WAIT_SECONDS = LONGEST_WAIT
