"""Billing cycles and the days with data: pure arithmetic on days.

The published rule: a cycle runs *through* the monthly anniversary of the activation date and the next one starts the
day after (21 October through 21 November, 22 November through 21 December). Many providers start the next cycle *on*
the anniversary instead; a subscription carries its policy. Anniversaries are computed from the activation date alone,
so they never drift; a month without that day uses its last day.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

ONE_DAY = timedelta(days=1)
NOTHING_YET = "There is no usage to report yet: usage appears on the following day (UTC)."


class CyclePolicy(StrEnum):
    """Whether the monthly anniversary is the last day of a cycle or the first of the next."""

    THROUGH_ANNIVERSARY = "through_anniversary"
    BEFORE_ANNIVERSARY = "before_anniversary"


class RangeError(ValueError):
    """Raised for a range of days that cannot be reported on; the message is a sentence for people."""


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """Two days, both included; `date_from` is never after `date_through`."""

    date_from: date
    date_through: date

    def __post_init__(self) -> None:
        if self.date_from > self.date_through:
            raise RangeError(f"The range begins on {self.date_from}, after it ends on {self.date_through}.")

    def __contains__(self, day: date) -> bool:
        return self.date_from <= day <= self.date_through

    @property
    def days(self) -> int:
        """The number of days, at least 1."""
        return (self.date_through - self.date_from).days + 1

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The range as half-open instants in UTC: `start <= t < end`."""
        return midnight(self.date_from), midnight(self.date_through + ONE_DAY)

    def within(self, window: "DateRange | None") -> "DateRange":
        """Return the range itself if it lies inside the window. Otherwise raise a RangeError that names the window."""
        if window is None:
            raise RangeError(NOTHING_YET)
        if self.date_from < window.date_from or self.date_through > window.date_through:
            raise RangeError(
                f"The range {self.date_from} through {self.date_through} is not inside the available window: "
                f"data is available from {window.date_from} through {window.date_through}."
            )
        return self


@dataclass(frozen=True, slots=True)
class Cycle:
    """One billing cycle: its number counted from 0, its first and its last day (both included)."""

    index: int
    first_day: date
    last_day: date

    @property
    def days(self) -> int:
        """The number of days in the cycle."""
        return (self.last_day - self.first_day).days + 1

    def described(self) -> dict[str, str]:
        """Return the first and last day as ISO 8601, as the API shows a cycle."""
        return {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in UTC."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def anniversary(activated_on: date, months: int) -> date:
    """Return the activation day moved by `months` months; a month without that day uses its last day."""
    year, month0 = divmod(activated_on.year * 12 + activated_on.month - 1 + months, 12)
    if year > date.max.year:
        raise RangeError(f"There is no billing cycle {months} months after {activated_on}: the calendar ends before.")
    return date(year, month0 + 1, min(activated_on.day, monthrange(year, month0 + 1)[1]))


@dataclass(frozen=True, slots=True)
class Contract:
    """What the arithmetic needs to know of a subscription: its activation day, its policy and its last day, if any."""

    activated_on: date
    policy: CyclePolicy = CyclePolicy.THROUGH_ANNIVERSARY
    ended_on: date | None = None

    def cycle(self, index: int) -> Cycle:
        """Return cycle number `index`, counted from 0. The end of the contract does not shorten it."""
        if index < 0:
            raise ValueError("cycles count from 0")
        after = ONE_DAY if self.policy is CyclePolicy.THROUGH_ANNIVERSARY else timedelta(0)
        first_day = anniversary(self.activated_on, index) + after if index else self.activated_on
        return Cycle(index, first_day, anniversary(self.activated_on, index + 1) + (after - ONE_DAY))

    def cycle_on(self, day: date) -> Cycle:
        """Return the cycle that contains a day. Raises RangeError for a day before the activation."""
        if day < self.activated_on:
            raise RangeError(f"{day} is before the activation on {self.activated_on}.")
        months = (day.year - self.activated_on.year) * 12 + day.month - self.activated_on.month
        guess = self.cycle(max(months - 1, 0))
        while day > guess.last_day:
            guess = self.cycle(guess.index + 1)
        return guess

    def cycles_touching(self, days: DateRange) -> Iterator[Cycle]:
        """Yield the cycles that share a day with a range inside the contract, in order and in full."""
        cycle = self.cycle_on(days.date_from)
        while cycle.first_day <= days.date_through:
            yield cycle
            cycle = self.cycle(cycle.index + 1)

    def available(self, today: date) -> DateRange | None:
        """Return the days with data: from the activation through yesterday, or the contract's last day if earlier.

        Return None if there are none yet, that is up to and including the activation day.
        """
        through = self.last_day_with_data(today)
        return DateRange(self.activated_on, through) if through >= self.activated_on else None

    def last_day_with_data(self, today: date) -> date:
        """Return yesterday, or the contract's last day if earlier. A result before the activation means no data yet."""
        return today - ONE_DAY if self.ended_on is None else min(today - ONE_DAY, self.ended_on)

    def cuts_open_sessions_alike(self, day: date, other: date) -> bool:
        """Return whether reports ordered on these two days cut a session that is still open at the same instant."""
        return self.last_day_with_data(day) == self.last_day_with_data(other)

    def current_cycle(self, today: date) -> Cycle:
        """Return the cycle of today, or the last one after the end of the contract, cut at the contract's last day.

        Raises RangeError for a day before the activation.
        """
        if self.ended_on is None:
            return self.cycle_on(today)
        cycle = self.cycle_on(min(today, self.ended_on))
        return Cycle(cycle.index, cycle.first_day, min(cycle.last_day, self.ended_on))

    def current_range(self, today: date) -> DateRange | None:
        """Return the current cycle so far; None on its first day, when it has no complete day yet."""
        available, cycle = self.available(today), self.current_cycle(today)
        if available is None or available.date_through < cycle.first_day:
            return None
        return DateRange(cycle.first_day, min(cycle.last_day, available.date_through))

    def previous_range(self, today: date) -> DateRange | None:
        """Return the whole cycle before the current one; None in the first cycle."""
        index = self.current_cycle(today).index
        if index == 0:
            return None
        cycle = self.cycle(index - 1)
        return DateRange(cycle.first_day, cycle.last_day)

    def default_range(self, today: date) -> DateRange | None:
        """Return the default range of a new report: the current cycle so far, or on its first day the cycle before.

        Return None on the activation day, when there is nothing to report yet.
        """
        return self.current_range(today) or self.previous_range(today)
