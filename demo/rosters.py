"""The people of a company of the demo, with shifts and charges, and its devices."""

from dataclasses import dataclass
from itertools import islice
from random import Random

from demo.chance import chance
from demo.companies import Company
from demo.names import people

CHARGES = (
    ("CX 1 Named", "named"),
    ("CX 2 Named", "named"),
    ("CX 3 Concurrent", "concurrent"),
    ("Hourly Interacting", "hourly"),
    ("Standalone Device", "device"),
)
DEVICE_CHARGE = "Standalone Device"
DIVISIONS = ("Customer Care", "Sales", "Technical Support", "Retention", "Back Office")
MODELS = ("Polycom VVX 450", "Yealink T54W", "Cisco 8845", "Grandstream GXP2170", "Door station")
PLACES = ("Reception", "Lobby", "Meeting room", "Warehouse", "Break room", "Training room", "Security desk")
# Logins of trainers are not billable.
FIRST_TRAINER, EVERY_TRAINER = 5, 25
# Monday is 0. Everyone works five days a week.
WEEKS = ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (1, 2, 3, 4, 5), (0, 1, 4, 5, 6), (2, 3, 4, 5, 6))


@dataclass(frozen=True, slots=True)
class Shift:
    """The start of a shift, in hours after the company opens, and its length."""

    name: str
    starts_after: float
    hours: float


EARLY, DAY, LATE, NIGHT = Shift("early", 0, 8), Shift("day", 2, 8.5), Shift("late", 8.25, 8), Shift("night", 16, 8.25)


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the platform being billed."""

    email: str
    name: str
    division: str
    charge: str
    shift: Shift
    working_days: tuple[int, ...]
    has_two_browsers: bool
    logs_off_for_lunch: bool
    is_billable: bool


@dataclass(frozen=True, slots=True)
class Appliance:
    """A phone, which registers again once a week, on a day of its own."""

    device_id: str
    name: str


def employees(seed: int, company: Company, scale: float) -> tuple[Person, ...]:
    """Return the people; the same for the same arguments."""
    random = chance(seed, company.code, "people")
    size = max(5, round(company.users * scale))
    names = islice(people(random, company.domain), size)
    return tuple(_person(random, number, name, email) for number, (name, email) in enumerate(names, 1))


def _person(random: Random, number: int, name: str, email: str) -> Person:
    charge = random.choices([name for name, _basis in CHARGES[:-1]], weights=[26, 34, 26, 14])[0]
    return Person(
        email=email,
        name=name,
        division=random.choices(DIVISIONS, weights=[45, 20, 20, 9, 6])[0],
        charge=charge,
        shift=random.choices([EARLY, DAY, LATE, NIGHT], weights=[32, 33, 25, 10])[0],
        working_days=random.choice(WEEKS),
        has_two_browsers=random.random() < 0.25,
        logs_off_for_lunch=random.random() < 0.6,
        is_billable=number % EVERY_TRAINER != FIRST_TRAINER,
    )


def appliances(seed: int, company: Company, scale: float) -> tuple[Appliance, ...]:
    """Return the devices; the same for the same arguments."""
    random = chance(seed, company.code, "devices")
    size = max(2, round(company.devices * scale))
    return tuple(
        Appliance(
            f"{company.code}-{random.getrandbits(24):06x}-{number:02d}",
            f"{random.choice(PLACES)} {number} ({random.choice(MODELS)})",
        )
        for number in range(1, size + 1)
    )
