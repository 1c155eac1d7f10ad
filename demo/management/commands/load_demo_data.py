"""`manage.py load_demo_data`: the demo's data through yesterday, and its sign-ins."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.load import Demo, DemoRefusedError

SEED = 2017


class Command(BaseCommand):
    help = (
        "Load demo data through yesterday, or what is missing of it, and the demo's sign-ins. "
        "Their passwords are known to everybody: for the embedded database alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED, help="Another number makes other people and calls.")
        parser.add_argument(
            "--today", type=_day, metavar="DAY", help="As if it were this day (YYYY-MM-DD); the default is today (UTC)."
        )
        parser.add_argument(
            "--scale", type=_scale, default=1.0, help="Size; 1, the default, is about 100,000 calls in three months."
        )
        parser.add_argument(
            "--force", action="store_true", help="Also into a database that DATABASE_URL names. Never in production."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.LOCAL and not options["force"]:
            raise CommandError(
                "This is not the embedded database but the one of DATABASE_URL, and everybody knows the passwords "
                "of the demo. With --force they are planted all the same."
            )
        now = datetime.now(UTC)
        demo = Demo(
            seed=options["seed"],
            scale=options["scale"],
            today=options["today"] or now.date(),
            now=now,
            say=lambda text: self.stderr.write(text, style_func=str),  # progress, no error: not in red
        )
        try:
            demo.load()
        except DemoRefusedError as error:
            raise CommandError(str(error)) from error


def _day(text: str) -> date:
    """A day as `YYYY-MM-DD`; argparse makes a sentence of the ValueError."""
    return date.fromisoformat(text)


def _scale(text: str) -> float:
    """A size from 0.01 to 10."""
    scale = float(text)
    if not 0.01 <= scale <= 10:
        raise ValueError(text)
    return scale
