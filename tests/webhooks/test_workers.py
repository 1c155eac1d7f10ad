"""The queues of webhook tasks: deliveries, which wait for other people's servers, have a queue of their own."""

from pathlib import Path

import pytest
from django.conf import settings

from config.celery import app
from config.supervisor.demo_parts import QUEUES

COMPOSE = Path(settings.BASE_DIR) / "compose.yaml"


def queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("deliver", "webhooks"),
        ("announce", "maintenance"),
        ("send_due", "maintenance"),
        ("collect_old_messages", "maintenance"),
    ],
)
def test_each_task_is_known_to_the_workers_and_has_its_queue(task: str, queue: str) -> None:
    app.autodiscover_tasks(force=True)
    name = f"reports.webhooks.tasks.{task}"
    assert name in app.tasks
    assert queue_of(name) == queue


def test_every_queue_has_a_worker_in_the_demo_and_in_containers() -> None:
    queues = {queue.name for queue in settings.CELERY_TASK_QUEUES}
    assert set(QUEUES) == queues
    assert all(f"-Q {queue} " in COMPOSE.read_text() for queue in queues)


def test_every_periodic_task_exists() -> None:
    app.autodiscover_tasks(force=True)
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
