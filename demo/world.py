"""The whole demo as rows of upload files, by kind."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

from billing.cycles import ONE_DAY, midnight
from demo.calls import calls_started_on
from demo.companies import COMPANIES, Company, first_day_of_usage, subscriptions
from demo.rates import rate_rows
from demo.resources import RESOURCES, quantities
from demo.rosters import CHARGES, appliances, employees
from demo.sessions import LONGEST_SESSION, LoginLog

COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "accounts": ("code", "name"),
        "charges": ("name", "basis"),
        "resources": ("name", "unit"),
        "rates": (
            "rate_sheet",
            "currency",
            "effective_from",
            "usage_group",
            "usage_group_display",
            "call_type",
            "direction",
            "rate_per_minute",
            "increment_seconds",
            "minimum_seconds",
        ),
        "users": ("account", "email", "name", "division"),
        "devices": ("account", "device_id", "name"),
        "subscriptions": (
            "number",
            "account",
            "activation_date",
            "currency",
            "cycle_policy",
            "ended_on",
            "rate_sheet",
            "telco_commit_percent",
        ),
        "sessions": ("account", "session_id", "entity", "charge", "started_at", "ended_at", "billable"),
        "calls": (
            "account",
            "sip_call_id",
            "origin",
            "destination",
            "usage_group",
            "call_type",
            "direction",
            "start_time",
            "end_time",
        ),
        "resource_usage": ("account", "date", "resource", "quantity"),
    }
)
# Subscriptions are the last of the lasting kinds: once they are loaded, so are the others. Resource usage is the last
# of the daily kinds: a day that has it is complete.
LASTING_KINDS = ("accounts", "charges", "resources", "rates", "users", "devices", "subscriptions")
DAILY_KINDS = ("sessions", "calls", "resource_usage")

Row = tuple[object, ...]
Days = Mapping[Company, Sequence[date]]


@dataclass(frozen=True, slots=True)
class World:
    """A demo: its seed, the day of its first load, and its scale (1: about 100,000 calls in three months)."""

    seed: int
    loaded_on: date
    scale: float = 1.0

    def lasting_rows(self, kind: str) -> Iterator[Row]:
        """Yield the rows of a kind that does not change from day to day."""
        rows: dict[str, Iterable[Row]] = {
            "accounts": ((company.code, company.name) for company in COMPANIES),
            "charges": CHARGES,
            "resources": RESOURCES,
            "rates": rate_rows(self.loaded_on),
            "users": self._users(),
            "devices": self._devices(),
            "subscriptions": self._subscriptions(),
        }
        yield from rows[kind]

    def days_of_usage(self, company: Company, through: date) -> Sequence[date]:
        """Return the days of a company with usage, through a last day; none if it is before the first."""
        first = first_day_of_usage(company, self.loaded_on)
        return [first + number * ONE_DAY for number in range((through - first).days + 1)]

    def daily_rows(self, kind: str, days: Days, through: date) -> Iterator[Row]:
        """Yield the rows of a kind for the companies' days (in order), as known at the end of the day `through`."""
        rows: dict[str, Callable[[Company, Sequence[date], date], Iterable[Row]]] = {
            "sessions": self._sessions,
            "calls": self._calls,
            "resource_usage": self._resource_usage,
        }
        for company, own_days in days.items():
            if own_days:
                yield from rows[kind](company, own_days, through)

    def _days_since(self, first: date, company: Company, through: date) -> Iterable[date]:
        return (day for day in self.days_of_usage(company, through) if day >= first)

    def _users(self) -> Iterator[Row]:
        for company in COMPANIES:
            for person in employees(self.seed, company, self.scale):
                yield company.code, person.email, person.name, person.division

    def _devices(self) -> Iterator[Row]:
        for company in COMPANIES:
            for appliance in appliances(self.seed, company, self.scale):
                yield company.code, appliance.device_id, appliance.name

    def _subscriptions(self) -> Iterator[Row]:
        for terms in subscriptions(self.loaded_on):
            yield (
                terms.number,
                terms.company.code,
                terms.activation_date,
                terms.currency,
                terms.cycle_policy,
                terms.ended_on or "",
                terms.rate_sheet,
                terms.telco_commit_percent,
            )

    def _sessions(self, company: Company, days: Sequence[date], through: date) -> Iterator[Row]:
        """Yield sessions. One still open at the end of the data has no end; it recurs with the day of its end.

        What a shift does after midnight comes with the next day.
        """
        log = LoginLog(self.seed, company, self.scale)
        known_from, known_until = midnight(days[0]), midnight(through + ONE_DAY)
        wanted = set(days)
        for day in self._days_since(days[0] - LONGEST_SESSION, company, through):
            for session in log.of_shifts_on(day):
                if (day in wanted or session.ended_at >= known_from) and session.started_at < known_until:
                    yield (
                        company.code,
                        session.session_id,
                        session.entity,
                        session.charge,
                        written(session.started_at),
                        written(session.ended_at) if session.ended_at < known_until else "",
                        "true" if session.is_billable else "false",
                    )

    def _calls(self, company: Company, days: Sequence[date], through: date) -> Iterator[Row]:
        """Yield calls that have ended: a call across midnight comes with the next day."""
        known_from, known_until = midnight(days[0]), midnight(through + ONE_DAY)
        wanted = set(days)
        for day in self._days_since(days[0] - ONE_DAY, company, through):
            for call in calls_started_on(self.seed, company, self.scale, day):
                if (day in wanted or call.ended_at >= known_from) and call.ended_at < known_until:
                    yield (
                        company.code,
                        call.sip_call_id,
                        call.origin,
                        call.destination,
                        call.usage_group,
                        call.call_type,
                        call.direction,
                        written(call.started_at),
                        written(call.ended_at),
                    )

    def _resource_usage(self, company: Company, days: Sequence[date], _through: date) -> Iterator[Row]:
        for day in days:
            for resource, quantity in quantities(self.seed, company, self.scale, day):
                yield company.code, day, resource, quantity


def written(instant: datetime) -> str:
    """Return a UTC instant with milliseconds, as in upload files."""
    return f"{instant.isoformat(timespec='milliseconds')[:23]}Z"


def write_file(folder: Path, kind: str, rows: Iterable[Row]) -> Path:
    """Write an upload file of a kind with these rows, and return its path. Streams the rows."""
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[kind])
        writer.writerows(rows)
    return path
