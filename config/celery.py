"""The Celery application. A message is only a hint: the row in PostgreSQL is the truth (see `jobs`)."""

import os
from typing import Any

from celery import Celery
from celery.app.utils import Settings
from celery.signals import celeryd_init, setup_logging, worker_process_init, worker_shutting_down
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.monitoring.logs import configure_worker
from jobs import shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tallydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
setup_logging.connect(configure_worker)
# Log lines of a task carry the context of the request that enqueued it.
app.steps["worker"].add(DjangoStructLogInitStep)


@celeryd_init.connect
def wait_for_broker(conf: Settings, **_signal: Any) -> None:
    """Remove the broker time-outs: a worker whose acknowledgement times out keeps the message and accepts no other."""
    conf.update(broker_transport_options={})


@worker_process_init.connect
def publish_quickly(**_signal: Any) -> None:
    """Restore the time-outs in the pool's processes, which only publish."""
    app.conf.update(broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS)


# On SIGTERM a worker waits for its jobs to end. They have to learn of the shutdown to be released instead.
worker_shutting_down.connect(shutdown.request)
