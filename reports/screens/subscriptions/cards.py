"""A subscription on a day, as its screen shows it: its cycle, its data, its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.cycles import ONE_DAY, Cycle, DateRange
from billing.models import Subscription
from reports.engine.write import scope_of
from reports.screens.subscriptions.numbers import Numbers, numbers_of

SPARK_STEP = 10
SPARK_DAYS = 30
SPARK_HEIGHT = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's peak as a bar of the chart."""

    x: int
    height: int
    is_peak: bool

    @property
    def y(self) -> int:
        return SPARK_HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Overview:
    """A subscription as of a day; `numbers` belong to `days`, and both are None while there is no data.

    `days` are the current cycle so far, or on its first day the cycle before. `cycle` is None before the activation.
    """

    subscription: Subscription
    today: date
    cycle: Cycle | None
    available: DateRange | None
    days: DateRange | None
    numbers: Numbers | None

    @property
    def is_upcoming(self) -> bool:
        """Return whether the activation is yet to come."""
        return self.cycle is None

    @property
    def is_ended(self) -> bool:
        """Return whether the last day of the contract has passed."""
        return self.subscription.ended_on is not None and self.subscription.ended_on < self.today

    @property
    def tomorrow(self) -> date:
        """Return the day on which today's usage appears."""
        return self.today + ONE_DAY

    @property
    def is_previous_cycle(self) -> bool:
        """Return whether the numbers are the previous cycle's, because the current one has no complete day yet."""
        return bool(self.cycle and self.days and self.days.date_through < self.cycle.first_day)

    @property
    def cycle_days(self) -> DateRange | None:
        """Return the whole cycle, including days to come."""
        return DateRange(self.cycle.first_day, self.cycle.last_day) if self.cycle else None

    @property
    def day_number(self) -> int:
        """Return the number of today in the cycle, from 1; after the contract's end, that of its last day."""
        return (min(self.today, self.cycle.last_day) - self.cycle.first_day).days + 1 if self.cycle else 0

    @property
    def range_query(self) -> str:
        """Return the query string that selects these days."""
        return f"?from={self.days.date_from}&through={self.days.date_through}" if self.days else ""

    @property
    def spark(self) -> list[Bar]:
        """Return the daily peaks as bars; the greatest is as high as the chart."""
        peaks = self.numbers.daily_peaks if self.numbers else ()
        most = max(peaks, default=0)
        return [
            Bar(number * SPARK_STEP, max(1, SPARK_HEIGHT * peak // most) if most else 1, peak == most > 0)
            for number, peak in enumerate(peaks)
        ]

    @property
    def spark_width(self) -> int:
        """Return the width of the chart, at least a month's: the bars of a few days would look like blocks."""
        return SPARK_STEP * max(len(self.spark), SPARK_DAYS)

    @property
    def ticks(self) -> list[str]:
        """Return a word for each day of the cycle: `past` has data, `now` has it tomorrow, `ahead` is to come."""
        if self.cycle is None:
            return []
        past = self.cycle.days if self.is_ended else self.day_number - 1
        now = 0 if self.is_ended else 1
        return ["past"] * past + ["now"] * now + ["ahead"] * (self.cycle.days - past - now)


def overviews(subscriptions: Sequence[Subscription], today: date) -> list[Overview]:
    """Return an overview of each subscription, in the same order. Runs a constant number of queries."""
    ranges = [
        subscription.contract.default_range(today) if subscription.activation_date <= today else None
        for subscription in subscriptions
    ]
    scopes = [
        scope_of(subscription, days, today) for subscription, days in zip(subscriptions, ranges, strict=True) if days
    ]
    numbers = iter(numbers_of(scopes))
    return [
        Overview(
            subscription=subscription,
            today=today,
            cycle=subscription.contract.current_cycle(today) if subscription.activation_date <= today else None,
            available=subscription.contract.available(today),
            days=days,
            numbers=next(numbers) if days else None,
        )
        for subscription, days in zip(subscriptions, ranges, strict=True)
    ]
