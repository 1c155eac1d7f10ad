"""Loads the demo in the way of all data: as files, staged, checked and applied by kind.

The first load covers everything through yesterday, a later one the days that have passed since. It looks in the
database for what is there, so that after an interruption the next load continues.
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
    """Raised when the data in the database conflicts with the demo; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What to load: `seed` and `scale` as in the first load; `today` is the UTC day after the last one with usage."""

    seed: int
    scale: float
    today: date
    now: datetime
    say: Say

    def load(self) -> None:
        """Load what is missing. Raises DemoRefusedError if data in the database conflicts with it."""
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
        """Leave an upload to be decided on."""
        company = COMPANIES[0]
        yesterday = self.today - ONE_DAY
        calls = world.daily_rows("calls", {company: [yesterday]}, yesterday)
        send_late_calls(Account.objects.get(code=company.code), list(islice(calls, LATE_CALLS)))

    def _load_what_lasts(self, world: World, folder: Path) -> None:
        for kind in LASTING_KINDS:
            if kind == "subscriptions":  # the last kind: once it is loaded, so is all the rest
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
                    f"The demo conflicts with data in this database. {label}, row {first.line}, "
                    f"{first.column} {first.value!r}: {first.reason}"
                )
        self.say(f"{label}: {outcome.counts.rows:,} rows")


def _add_allowances() -> None:
    """Save what a licence includes, for which there is no kind of upload."""
    for charge, resource, quantity in ALLOWANCES:
        Allowance.objects.get_or_create(
            charge=Charge.objects.get(name=charge),
            resource=Resource.objects.get(name=resource),
            defaults={"quantity": quantity},
        )


def first_load() -> date | None:
    """Return the day of the first load, which is the activation of the newest subscription; None before it."""
    return Subscription.objects.filter(number=NEWEST_SUBSCRIPTION).values_list("activation_date", flat=True).first()


def missing_days(world: World, through: date) -> Days:
    """Return each company's days without usage. Storage shows which: it is used every day and loaded last."""
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
        raise DemoRefusedError("The demo in this database was made with another seed or scale.")
