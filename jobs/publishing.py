"""Telling the workers of a job. A message is a hint that saves waiting; the sweep makes good those that get lost."""

from collections.abc import Sequence
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from jobs.broker import BrokerAwayError, circuit
from jobs.models import Job
from jobs.states import State

logger = structlog.get_logger(__name__)

_FAILURES = (OperationalError, RedisError, OSError)


def send(task: str, *arguments: object, **options: Any) -> bool:
    """Send the message for a task, within the broker's short time-outs; False when the broker did not take it."""
    try:
        with circuit.guarding(*_FAILURES):
            current_app.send_task(task, args=arguments, **options)
    except (BrokerAwayError, *_FAILURES) as error:
        logger.warning("message_not_sent", task=task, arguments=arguments, error=str(error))
        return False
    return True


def publish(job: Job) -> bool:
    """Send the message for a queued job.

    False when the broker did not take it: the job then waits for the sweep, which sends it once the broker is back.
    """
    if send(job.task_name, str(job.pk)):
        return True
    type(job).objects.filter(pk=job.pk, state=State.QUEUED).update(published_at=None)
    return False


def publish_all(jobs: Sequence[Job]) -> None:
    """Send the messages for queued jobs of one model until the broker takes no more; the rest wait for the sweep."""
    for number, job in enumerate(jobs, start=1):
        if not publish(job):
            rest = [waiting.pk for waiting in jobs[number:]]
            type(job).objects.filter(pk__in=rest, state=State.QUEUED).update(published_at=None)
            return
