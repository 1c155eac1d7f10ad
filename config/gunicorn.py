"""How gunicorn serves the product: `gunicorn -c python:config.gunicorn config.wsgi:application`."""

import os

from config.monitoring.metrics_folder import count_in_folder, forget_counts

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# One copy of the code in memory for all processes.
preload_app = True
control_socket_disable = True

# Before the product is loaded. What processes count here outlives them, and is still counted: none has to be taken out.
count_in_folder()


def on_starting(_server: object) -> None:
    forget_counts()
