"""A process that has loaded the product, and forks workers and web servers, which then start quickly.

Starting Python and loading the product takes most of the time of a test that needs a process.
`python -m tests.processes.fork_server` answers one JSON object a line: an order with `command`, `environment` and `log`
with the ID of a new process, `{"poll": ID}` with its exit status, or null while it runs. What still runs when the
orders end is killed. A forked process reads its settings from the environment that it was ordered with.
"""

import importlib
import json
import logging.config
import mmap
import os
import runpy
import signal
import sys
from contextlib import suppress

import django
from django.conf import settings
from django.db import connections
from django.test.signals import setting_changed
from django.utils.functional import empty

from jobs import shutdown

# The modules that `celery worker` and gunicorn would load.
PRELOADED = (
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "kombu.transport.redis",
    "config.celery",
    "config.urls",
    "jobs.tasks",
    "reports.tasks",
    "reports.webhooks.tasks",
    "usage.tasks",
)
SETTINGS = ("config.api", "config.settings", "tests.settings")


def serve() -> None:
    """Answer orders until there are no more. In a forked process: become what was ordered."""
    django.setup()
    for name in PRELOADED:
        importlib.import_module(name)
    statuses: dict[int, int | None] = {}
    _answer(os.getpid())
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            _answer(_poll(statuses, order["poll"]))
            continue
        child = os.fork()
        if not child:
            _become(**order)
            return
        statuses[child] = None
        _answer(child)
    for child, status in statuses.items():
        if status is None:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)


def _answer(number: int | None) -> None:
    sys.stdout.write(f"{json.dumps(number)}\n")
    sys.stdout.flush()


def _poll(statuses: dict[int, int | None], child: int) -> int | None:
    if statuses[child] is None:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            statuses[child] = os.waitstatus_to_exitcode(status)
    return statuses[child]


def _become(command: list[str], environment: dict[str, str], log: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(descriptor, number)
    _read_settings_anew()
    # Otherwise forked processes would share it, and the end of one would be the end of all.
    shutdown._shared = mmap.mmap(-1, 1)
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__")


def _read_settings_anew() -> None:
    before = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    for module in SETTINGS:
        importlib.reload(importlib.import_module(module))
    settings._wrapped = empty
    for name, value in before.items():
        if (now := getattr(settings, name)) != value and name != "DATABASES":
            setting_changed.send(sender=None, setting=name, value=now, enter=True)
    connections._settings = None  # type: ignore[attr-defined]  # Django reads it once
    vars(connections).pop("settings", None)
    for alias in settings.DATABASES:
        with suppress(AttributeError):
            del connections[alias]
    logging.config.dictConfig(settings.LOGGING)


if __name__ == "__main__":
    serve()
