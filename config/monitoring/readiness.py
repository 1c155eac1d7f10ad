"""Checks of everything that the product depends on: database, broker, storage, and the sweep of jobs."""

import os
from concurrent.futures import Future, wait
from datetime import timedelta
from functools import cache
from pathlib import Path

import redis
import structlog
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.database import impatient_connection, pending_migrations
from config.monitoring.questions import Question
from jobs.models import PeriodicTask
from jobs.sweep import SWEEP

logger = structlog.get_logger(__name__)

# How long a probe waits for all answers together; the database times out before that.
PATIENCE_SECONDS = 3.0
DATABASE_SECONDS = 2
BROKER_SECONDS = 0.7
# However often it is probed, each check runs at most once in this time.
FRESH_SECONDS = 1.0
# Allows for a sweep that waits for the broker, or for a worker that is starting.
SWEEP_SLACK = timedelta(seconds=15)


class NotReadyError(Exception):
    """Raised by a failed check. The message is public: it names no host and no password."""


def check_database() -> None:
    """Check that the database answers and has every migration."""
    with impatient_connection(seconds=DATABASE_SECONDS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _refuse_pending_migrations()


def check_broker() -> None:
    """Check that the broker answers a PING."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        client.ping()


def check_storage() -> None:
    """Check that files can be written or, if the storage is not a folder, that it answers."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists("readiness")
        return
    folder = Path(default_storage.location)
    # The folder is made with the first file.
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise NotReadyError("Files cannot be written.")


def check_sweep() -> None:
    """Check that the sweep ended recently, by the database's clock."""
    with impatient_connection(seconds=DATABASE_SECONDS):
        age = PeriodicTask.objects.age(SWEEP)
    if age is None:
        raise NotReadyError("It has never been seen.")
    if age > timedelta(seconds=3 * settings.JOB_SWEEP_SECONDS) + SWEEP_SLACK:
        raise NotReadyError(f"It was last seen {age.total_seconds():.0f} s ago.")


CHECKS = {
    "database": Question("database", check_database, fresh_seconds=FRESH_SECONDS),
    "broker": Question("broker", check_broker, fresh_seconds=FRESH_SECONDS),
    "storage": Question("storage", check_storage, fresh_seconds=FRESH_SECONDS),
    "sweep": Question("sweep", check_sweep, fresh_seconds=FRESH_SECONDS),
}


def failings() -> dict[str, str | None]:
    """Return, within PATIENCE_SECONDS, a sentence for each failed check, and None for each that passed."""
    answers = {name: check.ask() for name, check in CHECKS.items()}
    wait(answers.values(), timeout=PATIENCE_SECONDS)
    return {name: _failing(name, answer) for name, answer in answers.items()}


def _failing(name: str, answer: "Future[None]") -> str | None:
    if not answer.done():
        logger.warning("question_not_answered_in_time", question=name)
        return f"No answer within {PATIENCE_SECONDS:g} s."
    match answer.exception():
        case None:
            return None
        case NotReadyError() as error:
            return str(error)
        case _:  # its message is only for the log
            return "It cannot be reached."


@cache  # exceptions are not cached; once all migrations are applied, they stay so
def _refuse_pending_migrations() -> None:
    if pending_migrations():
        raise NotReadyError("Migrations are not applied: run 'manage.py migrate'.")
