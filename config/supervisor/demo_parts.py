"""The programs that make up the demo, and how one sees that they serve."""

import http.client
import platform
import sys
from pathlib import Path

from kombu.exceptions import OperationalError

from config.celery import app
from config.supervisor import Part
from config.supervisor.ports import ADDRESS

# Queue and number of processes. Each has a worker of its own, so that a long upload delays neither report nor sweep.
QUEUES = {"reports": 2, "uploads": 1, "webhooks": 4, "maintenance": 1}


def demo_parts(port: int, home: Path, *, metrics_port: int | None) -> list[Part]:
    """Web server, one worker for each queue, scheduler, and what serves the metrics, if there is a port for it."""
    parts = [
        Part("web", _python("gunicorn", "config.wsgi:application", *_web_options(port))),
        *(Part(queue, _celery("worker", *_worker_options(queue, size))) for queue, size in QUEUES.items()),
        Part("scheduler", _celery("beat", "--schedule", str(home / "beat-schedule"), "--pidfile=", "-l", "warning")),
    ]
    if metrics_port is not None:
        parts.append(Part("metrics", _python("django", "serve_metrics", "--port", str(metrics_port))))
    return parts


def web_answers(port: int) -> bool:
    """Whether the web server answers requests. It is asked for nothing that it would write into its log."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def workers_answer() -> bool:
    """Whether a worker of each queue answers."""
    names = [_worker_name(queue) for queue in QUEUES]
    try:
        replies = app.control.ping(destination=names, timeout=1.0)
    except (OperationalError, OSError):  # the first message over a connection that went stale
        return False
    return {name for reply in replies or [] for name in reply} == set(names)


def _python(module: str, *options: str) -> list[str]:
    # Neither is news on one's own machine: that one is root, and that static files are served from where they lie.
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
