"""`manage.py billing_cycle`: the billing cycle of a subscription on a day, and the days with data, as JSON."""

import json
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.cycles import Contract, RangeError
from billing.days import read_day
from billing.models import Subscription


class Command(BaseCommand):
    """Prints one JSON object. Exits with 1 for a day before the activation, and with 2 for wrong arguments."""

    help = "Print the billing cycle of a subscription on a day, and the days with data, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subscription", metavar="SUBSCRIPTION", help="the subscription's number")
        parser.add_argument("--on", metavar="DAY", help="as seen on this day, YYYY-MM-DD (today in UTC unless given)")

    def handle(self, *, subscription: str, on: str | None, **_options: Any) -> None:
        try:
            day = datetime.now(UTC).date() if on is None else read_day(on)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            contract = Subscription.objects.get(number=subscription).contract
        except Subscription.DoesNotExist as error:
            raise CommandError(f"There is no subscription '{subscription}'.", returncode=2) from error
        try:
            answer = cycle_seen_on(contract, day)
        except RangeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer))


def cycle_seen_on(contract: Contract, day: date) -> dict[str, int | str | None]:
    """Return the cycle of a day, the available window and the default range; None where nothing is available yet.

    Raises RangeError for a day before the activation.
    """
    cycle = contract.current_cycle(day)
    available, default = contract.available(day), contract.default_range(day)
    return {
        "index": cycle.index,
        "first_day": cycle.first_day.isoformat(),
        "last_day": cycle.last_day.isoformat(),
        "available_from": available.date_from.isoformat() if available else None,
        "available_through": available.date_through.isoformat() if available else None,
        "default_from": default.date_from.isoformat() if default else None,
        "default_through": default.date_through.isoformat() if default else None,
    }
