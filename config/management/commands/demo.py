"""`manage.py demo`: run everything on one machine until Ctrl-C."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from config.database import ready_database
from config.embedded import home_folder
from config.embedded.homes import made_home
from config.embedded.locks import opened, try_lock
from config.embedded.sharing import Running
from config.supervisor import Console, SupervisorError, supervise
from config.supervisor.demo_parts import demo_parts, web_answers, workers_answer
from config.supervisor.ports import ADDRESS, PortError, free_port
from demo.sign_ins import SIGN_INS


class Command(BaseCommand):
    help = "Run everything on this machine, with demo data: web server, workers, scheduler and their servers."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--empty", action="store_true", help="load no demo data")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            port = free_port(os.environ.get("PORT", "8000"))
        except PortError as error:
            raise CommandError(str(error)) from error
        with _only_demo_of_its_home(), ready_database() as servers:
            if not options["empty"]:
                call_command("load_demo_data", stdout=self.stdout, stderr=self.stderr)
            connections.close_all()
            try:
                self._serve(port, servers)
            except SupervisorError as error:
                raise CommandError(f"{error}\nEverything was stopped.") from error

    def _serve(self, port: int, servers: Running) -> None:
        metrics_port = _metrics_port(port)
        parts = demo_parts(port, home_folder(), metrics_port=metrics_port)
        console = Console(sys.stdout, [part.name for part in parts])
        address = f"http://{ADDRESS}:{port}/"

        def when_ready() -> None:
            if metrics_port is None:
                console.say(
                    f"\nThere are no metrics: port {settings.METRICS_PORT} is taken. Set METRICS_PORT to another one."
                )
            else:
                console.say(f"\nMetrics for Prometheus are at http://{ADDRESS}:{metrics_port}/metrics")
            console.say(f"\nTallydesk runs at {address} (Ctrl-C stops it). Sign in as")
            for email, password, what in SIGN_INS:
                console.say(f"  {email:<28} {password:<16} {what}")
            console.say(f"Ready: {address}")

        supervise(
            parts,
            console,
            is_ready=lambda: web_answers(port) and workers_answer(),
            when_ready=when_ready,
            trouble=lambda: _trouble(servers),
        )
        console.say("Stopped.")


def _metrics_port(port: int) -> int | None:
    """Return the port for metrics; None if it is not free, since the demo can run without metrics."""
    try:
        metrics_port = free_port(str(settings.METRICS_PORT))
    except PortError:
        return None
    return metrics_port if metrics_port != port else None


@contextmanager
def _only_demo_of_its_home() -> Iterator[None]:
    """Allow one demo for each home: two schedulers on one database would send everything twice."""
    home = made_home()
    with opened(home / "demo.lock") as lock:
        if not try_lock(lock, fcntl.LOCK_EX):
            raise CommandError(
                f"A demo with the home {home} is already running. Stop it, or set TALLYDESK_HOME to another folder."
            )
        yield


def _trouble(servers: Running) -> str | None:
    fallen = servers.fallen
    return f"{fallen.title} died. Its log ({fallen.log}) ends:\n{fallen.log_tail()}" if fallen else None
