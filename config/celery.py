"""The Celery application. A message is only a hint: the row in PostgreSQL is the truth (see `jobs`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tallydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
