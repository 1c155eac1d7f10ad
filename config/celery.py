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
# Logs of a task carry the context of the request that asked for it.
app.steps["worker"].add(DjangoStructLogInitStep)


@celeryd_init.connect
def wait_for_broker(conf: Settings, **_signal: Any) -> None:
    """A worker that gave up on an acknowledgement would think for ever that it has its message, and take no other."""
    conf.update(broker_transport_options={})


@worker_process_init.connect
def publish_quickly(**_signal: Any) -> None:
    """The processes of its pool only publish."""
    app.conf.update(broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS)


# On SIGTERM a worker would wait for its jobs to end; so that they are handed over instead, they have to know.
worker_shutting_down.connect(shutdown.request)
