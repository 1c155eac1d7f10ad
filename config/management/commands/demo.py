"""`manage.py demo`: everything on one machine, until Ctrl-C."""

import os
import sys
from typing import Any

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from config.database import ready_database
from config.demo.parts import demo_parts, web_answers, workers_answer
from config.demo.sign_ins import SIGN_INS
from config.embedded import home_folder
from config.embedded.sharing import Running
from config.supervisor import Console, SupervisorError, supervise
from config.supervisor.ports import ADDRESS, PortError, free_port


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
        with ready_database() as servers:
            if "load_demo_data" in get_commands() and not options["empty"]:
                call_command("load_demo_data", stdout=self.stdout, stderr=self.stderr)
            connections.close_all()
            try:
                self._serve(port, servers)
            except SupervisorError as error:
                raise CommandError(f"{error}\nEverything was stopped.") from error

    def _serve(self, port: int, servers: Running) -> None:
        home = home_folder()
        home.mkdir(parents=True, exist_ok=True)
        parts = demo_parts(port, home)
        console = Console(sys.stdout, [part.name for part in parts])
        address = f"http://{ADDRESS}:{port}/"

        def when_ready() -> None:
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


def _trouble(servers: Running) -> str | None:
    fallen = servers.fallen
    return f"{fallen.title} died. Its log ({fallen.log}) ends:\n{fallen.log_tail()}" if fallen else None
