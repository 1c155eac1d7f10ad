"""`manage.py load_demo_data`: load the demo's data through yesterday, and its sign-ins."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.load import Demo, DemoRefusedError

SEED = 2017


class Command(BaseCommand):
    help = (
        "Load the missing demo data through yesterday, and the demo's sign-ins. "
        "Their passwords are public: use it only with the embedded database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED, help="Seed; another number makes other people and calls.")
        parser.add_argument(
            "--today", type=_day, metavar="DAY", help="Load as if on this day (YYYY-MM-DD); the default is today (UTC)."
        )
        parser.add_argument(
            "--scale", type=_scale, default=1.0, help="Size; 1, the default, is about 100,000 calls in three months."
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Load into the database of DATABASE_URL, too. Never use this in production.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.LOCAL and not options["force"]:
            raise CommandError(
                "This is the database of DATABASE_URL, not the embedded one, and the demo's passwords are public. "
                "Use --force to load them nevertheless."
            )
        now = datetime.now(UTC)
        demo = Demo(
            seed=options["seed"],
            scale=options["scale"],
            today=options["today"] or now.date(),
            now=now,
            say=lambda text: self.stderr.write(text, style_func=str),  # progress rather than an error, so not in red
        )
        try:
            demo.load()
        except DemoRefusedError as error:
            raise CommandError(str(error)) from error


def _day(text: str) -> date:
    """Return a day written as `YYYY-MM-DD`; argparse reports the ValueError."""
    return date.fromisoformat(text)


def _scale(text: str) -> float:
    """Return a scale from 0.01 to 10; argparse reports the ValueError."""
    scale = float(text)
    if not 0.01 <= scale <= 10:
        raise ValueError(text)
    return scale
