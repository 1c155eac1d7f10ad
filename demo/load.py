"""Brings the demo into the database the way all data comes: files, staged, checked and applied by kind.

The first load brings everything through yesterday, a later one the days that have passed since. What is there is asked
of the database itself, so that a load that was interrupted goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from billing.cycles import ONE_DAY
from billing.models import Account, Charge, Subscription
from demo.administrators import add_administrators
from demo.companies import COMPANIES, NEWEST_SUBSCRIPTION
from demo.late_calls import LATE_CALLS, send_late_calls
from demo.resources import ALLOWANCES, STORAGE
from demo.world import COLUMNS, DAILY_KINDS, LASTING_KINDS, Days, World, write_file
from usage.models import Allowance, Entity, Resource, ResourceUsage, UploadKind
from usage.staging.stage import UploadRefusedError
from usage.uploads.command_line import at_once

Say = Callable[[str], None]


class DemoRefusedError(Exception):
    """What the database holds does not go with the demo; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What is to be loaded: `seed` and `scale` as the first time; `today` is the UTC day after the last with usage."""

    seed: int
    scale: float
    today: date
    now: datetime
    say: Say

    def load(self) -> None:
        """Load what is missing; DemoRefusedError if the database holds something that does not go with it."""
        loaded_on = first_load()
        world = World(self.seed, loaded_on or self.today, self.scale)
        with TemporaryDirectory(prefix="tallydesk-demo-") as folder:
            if loaded_on is None:
                self._load_what_lasts(world, Path(folder))
            else:
                refuse_another_world(world)
            self._load_missing_days(world, Path(folder))
        if added := add_administrators():
            self.say(f"Demo sign-ins: {added} added")
        if loaded_on is None:
            self._send_late_calls(world)

    def _send_late_calls(self, world: World) -> None:
        """Something to decide on, for who looks at the uploads."""
        company = COMPANIES[0]
        yesterday = self.today - ONE_DAY
        calls = world.daily_rows("calls", {company: [yesterday]}, yesterday)
        send_late_calls(Account.objects.get(code=company.code), list(islice(calls, LATE_CALLS)))

    def _load_what_lasts(self, world: World, folder: Path) -> None:
        for kind in LASTING_KINDS:
            if kind == "subscriptions":  # the last of them: once they are there, so is all the rest
                _add_allowances()
            self._upload(kind, write_file(folder, kind, world.lasting_rows(kind)))

    def _load_missing_days(self, world: World, folder: Path) -> None:
        through = self.today - ONE_DAY
        if not (days := missing_days(world, through)):
            return
        for kind in DAILY_KINDS:
            self._upload(kind, write_file(folder, kind, world.daily_rows(kind, days, through)))

    def _upload(self, kind: str, path: Path) -> None:
        label = UploadKind(kind).label
        with path.open("rb") as file, at_once(UploadKind(kind), file, None, name=path.name, now=self.now) as upload:
            try:
                outcome = upload.apply()
            except UploadRefusedError as error:
                raise DemoRefusedError(f"{label}: {error}") from error
            if not outcome.is_applied:
                first = upload.staged.errors(1)[0]
                raise DemoRefusedError(
                    f"The demo does not go with what this database holds. {label}, row {first.line}, "
                    f"{first.column} {first.value!r}: {first.reason}"
                )
        self.say(f"{label}: {outcome.counts.rows:,} rows")


def _add_allowances() -> None:
    """What a licence includes; there is no file for it."""
    for charge, resource, quantity in ALLOWANCES:
        Allowance.objects.get_or_create(
            charge=Charge.objects.get(name=charge),
            resource=Resource.objects.get(name=resource),
            defaults={"quantity": quantity},
        )


def first_load() -> date | None:
    """The day on which the demo was first loaded, if it was: that of its newest subscription."""
    return Subscription.objects.filter(number=NEWEST_SUBSCRIPTION).values_list("activation_date", flat=True).first()


def missing_days(world: World, through: date) -> Days:
    """The days of each company that have no usage yet; storage is used every day, and comes last into the database."""
    days = {}
    for company in COMPANIES:
        present = set(
            ResourceUsage.objects.filter(account__code=company.code, resource__name=STORAGE).values_list(
                "used_on", flat=True
            )
        )
        if missing := [day for day in world.days_of_usage(company, through) if day not in present]:
            days[company] = missing
    return days


def refuse_another_world(world: World) -> None:
    """Raise DemoRefusedError unless the database holds the people of this world."""
    column = COLUMNS["users"].index("email")
    emails = {row[column] for row in world.lasting_rows("users")}
    of_the_demo = Entity.objects.filter(account__code__in=[company.code for company in COMPANIES], kind="user")
    if emails - set(of_the_demo.values_list("identifier", flat=True)):
        raise DemoRefusedError("The demo in this database was made with another seed or in another size.")
