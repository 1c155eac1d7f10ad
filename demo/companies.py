"""The companies of the demo, with their size, working hours and subscriptions."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from billing.cycles import ONE_DAY, Contract, anniversary


@dataclass(frozen=True, slots=True)
class Company:
    """One account. `opens_at` is the hour (UTC) of the early shift; `home` is where its calls are national."""

    code: str
    name: str
    domain: str
    home: str
    opens_at: int
    users: int
    devices: int
    calls_on_a_busy_day: int
    storage_gb: int
    has_byoc: bool = False


ACME = Company("ACME", "Acme Contact Centers", "acme.example", "US", 12, 104, 22, 870, 860, has_byoc=True)
NORDLICHT = Company(
    "NORDLICHT", "Nordlicht Kundenservice GmbH", "nordlicht.example", "DE", 5, 58, 12, 315, 410, has_byoc=True
)
HARBOUR = Company("HARBOUR", "Harbour & Vale Support", "harbour-vale.example", "GB", 6, 36, 6, 195, 190)
BRIGHTLINE = Company("BRIGHTLINE", "Brightline Outfitters", "brightline.example", "US", 14, 14, 3, 55, 42)
LUMIERE = Company("LUMIERE", "Lumière Voyages", "lumiere.example", "FR", 6, 18, 4, 80, 12)
COMPANIES = (ACME, NORDLICHT, HARBOUR, BRIGHTLINE, LUMIERE)

NEWEST_SUBSCRIPTION = "SUB-5001"
"""Activated on the day of the first load, from which all other days are counted."""

MONTHS_OF_USAGE = 3
FULL_CYCLE = 30


def first_day_of_usage(company: Company, loaded_on: date) -> date:
    """Return the first day with usage: three months before the first load or, for Lumière, its activation."""
    return loaded_on if company == LUMIERE else anniversary(loaded_on, -MONTHS_OF_USAGE) + ONE_DAY


def months_before(day: date, months: int) -> date:
    """Return the same day of a month at least `months` earlier, in the nearest month that has that day."""
    return next(earlier for back in count(months) if (earlier := anniversary(day, -back)).day == day.day)


def activation_of_acme(loaded_on: date) -> date:
    """Return a day about 13 months before the first load, so that one full cycle and most of the current one are past.

    The day of the first load is then usually the last day of a cycle; around the end of February it is an earlier day.
    """

    def days_to_look_at(activated_on: date) -> tuple[int, int]:
        contract = Contract(activated_on)
        previous, current = contract.previous_range(loaded_on), contract.current_range(loaded_on)
        return min(previous.days if previous else 0, FULL_CYCLE), current.days if current else 0

    return max((anniversary(loaded_on, -13) + timedelta(days=days) for days in range(31)), key=days_to_look_at)


@dataclass(frozen=True, slots=True)
class SubscriptionTerms:
    """One subscription; `ended_on` and `telco_commit_percent` are empty for most."""

    number: str
    company: Company
    activation_date: date
    currency: str
    cycle_policy: str
    rate_sheet: str
    ended_on: date | None = None
    telco_commit_percent: str = ""


def subscriptions(loaded_on: date) -> tuple[SubscriptionTerms, ...]:
    """Return the subscriptions for a day of the first load.

    On that day, Acme's cycle is usually on its last day and Brightline's on its first, and Lumière's is beginning.
    """
    moved_on = loaded_on - timedelta(days=35)
    return (
        SubscriptionTerms(
            "SUB-1001", ACME, activation_of_acme(loaded_on), "USD", "through_anniversary", "North America Standard"
        ),
        SubscriptionTerms(
            "SUB-2001",
            NORDLICHT,
            anniversary(loaded_on, -17) - timedelta(days=9),
            "EUR",
            "before_anniversary",
            "Europa Geschäftskunden",
            telco_commit_percent="12.5",
        ),
        SubscriptionTerms(
            "SUB-3001",
            HARBOUR,
            anniversary(moved_on, -12),
            "GBP",
            "through_anniversary",
            "UK Classic",
            ended_on=moved_on - ONE_DAY,
        ),
        SubscriptionTerms("SUB-3002", HARBOUR, moved_on, "GBP", "before_anniversary", "UK Per-Minute"),
        SubscriptionTerms(
            "SUB-4001",
            BRIGHTLINE,
            months_before(loaded_on, 6),
            "USD",
            "before_anniversary",
            "North America Standard",
        ),
        SubscriptionTerms(
            NEWEST_SUBSCRIPTION, LUMIERE, loaded_on, "EUR", "through_anniversary", "Europa Geschäftskunden"
        ),
    )
