"""Publishing jobs to the broker. A message is only a hint that saves time; the sweep replaces lost ones."""

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
    """Send the message for a task, within the broker's short time-outs. Return False if it was not accepted."""
    try:
        with circuit.guarding(*_FAILURES):
            current_app.send_task(task, args=arguments, **options)
    except (BrokerAwayError, *_FAILURES) as error:
        logger.warning("message_not_sent", task=task, arguments=arguments, error=str(error))
        return False
    return True


def publish(job: Job) -> bool:
    """Send the message for a queued job.

    Return False if the broker did not accept it. The job is then unpublished until the sweep publishes it.
    """
    if send(job.task_name, str(job.pk)):
        return True
    type(job).objects.filter(pk=job.pk, state=State.QUEUED).update(published_at=None)
    return False


def publish_all(jobs: Sequence[Job]) -> None:
    """Publish queued jobs of one model until the broker refuses one; leave the rest to the sweep."""
    for number, job in enumerate(jobs, start=1):
        if not publish(job):
            rest = [waiting.pk for waiting in jobs[number:]]
            type(job).objects.filter(pk__in=rest, state=State.QUEUED).update(published_at=None)
            return
