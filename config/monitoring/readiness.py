"""What has to be well for the product to do its work: database, broker, storage, and the sweep of jobs."""

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
from jobs.tasks import SWEEP

logger = structlog.get_logger(__name__)

# How long a probe waits for all answers together; the database gives up before that.
PATIENCE_SECONDS = 3.0
DATABASE_SECONDS = 2
BROKER_SECONDS = 0.7
# However many probe, each check is made once in this time.
FRESH_SECONDS = 1.0
# A sweep that waits for a broker, or for a worker that starts, is no sweep that is missing.
SWEEP_SLACK = timedelta(seconds=15)


class NotReadyError(Exception):
    """Something is not well; its text says what, to anybody: it names no host and no password."""


def check_database() -> None:
    """It answers, and has every migration."""
    with impatient_connection(seconds=DATABASE_SECONDS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _refuse_pending_migrations()


def check_broker() -> None:
    """It answers a PING."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        client.ping()


def check_storage() -> None:
    """Files can be written, or another storage than a folder answers."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists("readiness")
        return
    folder = Path(default_storage.location)
    # The first file makes the folder.
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise NotReadyError("Files cannot be written.")


def check_sweep() -> None:
    """The sweep came to its end not long ago, by the database's clock."""
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
    """For each check a sentence about what is not well, None where all is; within PATIENCE_SECONDS."""
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
        case _:  # its text is for the log alone
            return "It cannot be reached."


@cache  # not of an exception: once all are there, they stay, and files and database are compared no more
def _refuse_pending_migrations() -> None:
    if pending_migrations():
        raise NotReadyError("Migrations are not applied: run 'manage.py migrate'.")
