"""What the Subscription screen says about a subscription on a day: its cycle, its data, its numbers."""

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
    """One day's peak among those of its neighbours, as a rectangle."""

    x: int
    height: int
    is_peak: bool

    @property
    def y(self) -> int:
        """Bars stand on the ground."""
        return SPARK_HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Overview:
    """A subscription as of a day; `numbers` are those of `days`, both None as long as there is no data.

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
        """Whether the activation is yet to come."""
        return self.cycle is None

    @property
    def is_ended(self) -> bool:
        """Whether the last day of the contract is over."""
        return self.subscription.ended_on is not None and self.subscription.ended_on < self.today

    @property
    def tomorrow(self) -> date:
        """The day on which today's usage appears."""
        return self.today + ONE_DAY

    @property
    def is_previous_cycle(self) -> bool:
        """Whether the numbers are those of the cycle before, because the current one has no complete day yet."""
        return bool(self.cycle and self.days and self.days.date_through < self.cycle.first_day)

    @property
    def cycle_days(self) -> DateRange | None:
        """The whole of the cycle, what is to come included."""
        return DateRange(self.cycle.first_day, self.cycle.last_day) if self.cycle else None

    @property
    def day_number(self) -> int:
        """Which day of the cycle today is, counted from 1; after the end of the contract its last."""
        return (min(self.today, self.cycle.last_day) - self.cycle.first_day).days + 1 if self.cycle else 0

    @property
    def range_query(self) -> str:
        """The query of an address that asks for these days."""
        return f"?from={self.days.date_from}&through={self.days.date_through}" if self.days else ""

    @property
    def spark(self) -> list[Bar]:
        """The daily peaks as bars, the greatest as high as the picture."""
        peaks = self.numbers.daily_peaks if self.numbers else ()
        most = max(peaks, default=0)
        return [
            Bar(number * SPARK_STEP, max(1, SPARK_HEIGHT * peak // most) if most else 1, peak == most > 0)
            for number, peak in enumerate(peaks)
        ]

    @property
    def spark_width(self) -> int:
        """The width of the picture: of a month at least, or the bars of a few days would look like blocks."""
        return SPARK_STEP * max(len(self.spark), SPARK_DAYS)

    @property
    def ticks(self) -> list[str]:
        """For each day of the cycle: `past`, with data; `now`, whose data appears tomorrow; or `ahead`."""
        if self.cycle is None:
            return []
        past = self.cycle.days if self.is_ended else self.day_number - 1
        now = 0 if self.is_ended else 1
        return ["past"] * past + ["now"] * now + ["ahead"] * (self.cycle.days - past - now)


def overviews(subscriptions: Sequence[Subscription], today: date) -> list[Overview]:
    """An overview of each subscription, in the same order: as many queries for many as for one."""
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
