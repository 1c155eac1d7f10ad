"""`manage.py serve_metrics`: serve metrics for Prometheus on a port of their own."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from prometheus_client import start_http_server

from config.monitoring.collector import make_registry


class Command(BaseCommand):
    help = "Serve metrics for Prometheus until stopped. Without the database, serve those that do not need it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", default=settings.METRICS_ADDRESS, help="(default: %(default)s)")
        parser.add_argument("--port", type=int, default=settings.METRICS_PORT, help="(default: %(default)s)")

    def handle(self, *_args: Any, **options: Any) -> None:
        address, port = options["address"], options["port"]
        # A blocked signal stays pending until `sigwait` takes it; a handled one could arrive just before the wait.
        stops = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        try:
            server, thread = start_http_server(port, addr=address, registry=make_registry())
        except (OSError, OverflowError) as error:
            raise CommandError(f"{address}:{port} cannot be listened on: {error}.") from error
        signal.sigwait(stops)
        server.shutdown()
        thread.join()
