"""Settings of the web server: `gunicorn -c python:config.gunicorn config.wsgi:application`."""

import os

from config.monitoring.metrics_folder import count_in_folder, forget_counts

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# All processes share one copy of the code in memory.
preload_app = True
control_socket_disable = True

# Before the application is loaded. Counts outlive the processes that made them, so none has to be removed.
count_in_folder()


def on_starting(_server: object) -> None:
    forget_counts()
