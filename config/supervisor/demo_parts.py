"""The programs that make up the demo, and checks that they are running."""

import http.client
import platform
import sys
from pathlib import Path

from kombu.exceptions import OperationalError

from config.celery import app
from config.supervisor import Part
from config.supervisor.ports import ADDRESS

# Queues with their number of processes. Each has its own worker, so a long upload delays neither report nor sweep.
QUEUES = {"reports": 2, "uploads": 1, "webhooks": 4, "maintenance": 1}


def demo_parts(port: int, home: Path, *, metrics_port: int | None) -> list[Part]:
    """Return the web server, one worker for each queue, the scheduler and, if there is a port, the metrics server."""
    parts = [
        Part("web", _python("gunicorn", "config.wsgi:application", *_web_options(port))),
        *(Part(queue, _celery("worker", *_worker_options(queue, size))) for queue, size in QUEUES.items()),
        Part("scheduler", _celery("beat", "--schedule", str(home / "beat-schedule"), "--pidfile=", "-l", "warning")),
    ]
    if metrics_port is not None:
        parts.append(Part("metrics", _python("django", "serve_metrics", "--port", str(metrics_port))))
    return parts


def web_answers(port: int) -> bool:
    """Return whether the web server answers requests. Uses a probe, which is not logged."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def workers_answer() -> bool:
    """Return whether a worker of each queue answers."""
    names = [_worker_name(queue) for queue in QUEUES]
    try:
        replies = app.control.ping(destination=names, timeout=1.0)
    except (OperationalError, OSError):  # the first message over a stale connection
        return False
    return {name for reply in replies or [] for name in reply} == set(names)


def _python(module: str, *options: str) -> list[str]:
    # Silence two warnings that do not matter on one's own machine: running as root, and uncollected static files.
    quiet = [f"-Wignore:{message}" for message in ("You're running the worker with superuser", "No directory at")]
    return [sys.executable, *quiet, "-m", module, *options]


def _celery(*options: str) -> list[str]:
    return _python("celery", "-A", "config", "--quiet", *options)


def _web_options(port: int) -> list[str]:
    return [
        *("--config", "python:config.gunicorn", "--bind", f"{ADDRESS}:{port}"),
        *("--graceful-timeout", "5", "--log-level", "warning"),
    ]


def _worker_options(queue: str, size: int) -> list[str]:
    level = "warning" if queue == "maintenance" else "info"  # the sweep runs every few seconds
    return [
        *("-Q", queue, "-n", _worker_name(queue), "--concurrency", str(size), "--loglevel", level),
        *("--without-gossip", "--without-mingle"),
    ]


def _worker_name(queue: str) -> str:
    return f"{queue}@{platform.node()}"
