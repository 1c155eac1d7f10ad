"""The cost of a call, in exact fractions."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.values import SECOND, half_up


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a rate sheet: its days (`through` None: open), its terms, its prices."""

    sheet: str
    effective_from: date
    effective_through: date | None
    currency: str
    increment: int
    minimum: int
    rates: dict[tuple[str, str, str], Fraction]
    displays: dict[str, str]

    def in_force_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_through is None or day <= self.effective_through)


@dataclass(frozen=True, slots=True)
class Rating:
    """What rating fills in: seconds, the rate per minute after discount, the cost."""

    adjusted_seconds: int
    rate: Fraction
    cost: Fraction
    currency: str
    sheet: str


def duration_in_seconds(started_at: int, ended_at: int) -> int:
    """Return whole seconds; a started second counts."""
    seconds, rest = divmod(ended_at - started_at, SECOND)
    return seconds + 1 if rest else seconds


def adjusted_seconds(seconds: int, *, increment: int, minimum: int) -> int:
    """Return the seconds charged: 0 for no length, else the minimum as one block and then started increments."""
    if seconds == 0:
        return 0
    charged = minimum
    while charged < seconds:
        charged += increment
    return charged


def discounted(rate: Fraction, percent: Fraction) -> Fraction:
    """Return the rate after a discount in percent, rounded half up to six decimals."""
    return half_up(rate * (100 - percent) / 100, 6)


def rate_call(version: Version, *, key: tuple[str, str, str], seconds: int, percent: Fraction) -> Rating | None:
    """Return the rating of a call of this many seconds; None if the version has no such rate."""
    if key not in version.rates:
        return None
    rate = discounted(version.rates[key], percent)
    adjusted = adjusted_seconds(seconds, increment=version.increment, minimum=version.minimum)
    cost = half_up(rate * adjusted / 60, 4)
    return Rating(adjusted, rate, cost, version.currency, version.sheet)
