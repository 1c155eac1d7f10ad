"""Login sessions of the demo: shifts, lunch breaks, second browsers, forgotten log-outs, phones that stay logged in.

The sessions of the shifts that begin on a day are a pure function of seed, company and day, so that loading a day later
gives the same sessions as loading everything at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from billing.cycles import midnight
from demo.chance import chance
from demo.companies import Company
from demo.rosters import DEVICE_CHARGE, Appliance, Person, appliances, employees

LONGEST_SESSION = timedelta(days=8)
DAYS_BETWEEN_REGISTRATIONS = 7


@dataclass(frozen=True, slots=True)
class Session:
    """A login session after its end."""

    session_id: str
    entity: str
    charge: str
    started_at: datetime
    ended_at: datetime
    is_billable: bool


class LoginLog:
    """The logins of a company's people and phones, day by day."""

    def __init__(self, seed: int, company: Company, scale: float) -> None:
        self.seed = seed
        self.company = company
        self.employees = employees(seed, company, scale)
        self.appliances = appliances(seed, company, scale)

    def of_shifts_on(self, day: date) -> Iterator[Session]:
        """Yield the sessions of shifts that begin on a day, in a stable order. Some sessions start after midnight."""
        for number, (entity, charge, started_at, ended_at, is_billable) in enumerate(self._logins(day), 1):
            yield Session(f"S{day:%Y%m%d}-{number:05d}", entity, charge, started_at, ended_at, is_billable)

    def _logins(self, day: date) -> Iterator[tuple[str, str, datetime, datetime, bool]]:
        random = chance(self.seed, self.company.code, day, "logins")
        for person in self.employees:
            if self._is_at_work(person, day):
                start = midnight(day) + self._shift_start(random, person)
                for started_at, ended_at in shift_sessions(random, person, start):
                    yield person.email, person.charge, started_at, ended_at, person.is_billable
        for index, appliance in enumerate(self.appliances):
            if (day.toordinal() + index) % DAYS_BETWEEN_REGISTRATIONS == 0:
                ended_at = self._registered_at(appliance, day + timedelta(days=DAYS_BETWEEN_REGISTRATIONS))
                offline = timedelta(seconds=random.uniform(20, 90))
                yield appliance.device_id, DEVICE_CHARGE, self._registered_at(appliance, day), ended_at - offline, True

    def _is_at_work(self, person: Person, day: date) -> bool:
        if day.weekday() not in person.working_days:
            return False
        year, week, _weekday = day.isocalendar()
        on_leave = chance(self.seed, person.email, year, week).random() < 0.05
        return not on_leave

    def _shift_start(self, random: Random, person: Person) -> timedelta:
        """Return the time of the first login: within minutes of the shift's start, and on the same day."""
        hour = (self.company.opens_at + person.shift.starts_after) % 24
        minutes = min(max(hour * 60 + random.gauss(-2, 5), 0), 24 * 60 - 1)
        return timedelta(milliseconds=round(minutes * 60_000))

    def _registered_at(self, appliance: Appliance, day: date) -> datetime:
        """Return when a phone restarts on a day, in the small hours; the same for the same arguments."""
        random = chance(self.seed, appliance.device_id, day)
        return midnight(day) + timedelta(milliseconds=random.randrange(90 * 60_000, 240 * 60_000))


def shift_sessions(random: Random, person: Person, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the sessions of one person's shift: one, or two around lunch, and now and then a mishap."""
    end = start + timedelta(hours=person.shift.hours) + _minutes(random, -6, 14)
    if random.random() < 0.01:
        end += _minutes(random, 16 * 60, 44 * 60)  # forgot to log out
    if random.random() < 0.02:
        yield start, start  # the browser crashed at once
        start += _minutes(random, 0.2, 2)
    if person.logs_off_for_lunch:
        lunch = start + _minutes(random, 200, 270)
        yield start, lunch
        yield lunch + _minutes(random, 25, 55), end
    else:
        yield start, end
    if person.has_two_browsers and random.random() < 0.5:
        second = start + _minutes(random, 30, 150)
        yield second, second + _minutes(random, 15, 120)


def _minutes(random: Random, least: float, most: float) -> timedelta:
    """Return a random duration in whole milliseconds."""
    return timedelta(milliseconds=round(random.uniform(least, most) * 60_000))
