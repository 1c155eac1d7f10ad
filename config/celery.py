"""The Celery application. A message is only a hint: the row in PostgreSQL is the truth (see `jobs`)."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_shutting_down
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.logs import configure_worker
from jobs import shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tallydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
setup_logging.connect(configure_worker)
# Logs of a task carry the context of the request that asked for it.
app.steps["worker"].add(DjangoStructLogInitStep)
# On SIGTERM a worker would wait for its jobs to end; so that they are handed over instead, they have to know.
worker_shutting_down.connect(shutdown.announce)
