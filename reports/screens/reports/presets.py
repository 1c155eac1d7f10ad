"""The ranges that the form offers by name, limited to the days that have data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from billing.cycles import ONE_DAY, Contract, DateRange
from ui.formatting import day_text


@dataclass(frozen=True, slots=True)
class Preset:
    """A range with a name; one without days cannot be chosen, and `reason` says why."""

    slug: str
    title: str
    days: DateRange | None
    reason: str = ""

    @property
    def value(self) -> str:
        """Return what the form sends: the dates it shows, so that they stay the same after midnight."""
        return f"{self.slug}:{self.days.date_from}/{self.days.date_through}" if self.days else self.slug


def presets(contract: Contract, today: date) -> Iterator[Preset]:
    """Yield the presets of a subscription in the order of the form; none while it has no data."""
    window = contract.available(today)
    if window is None:
        return
    ended = contract.ended_on is not None and contract.ended_on < today
    yield Preset(
        "cycle",
        "Last cycle" if ended else "This cycle so far",
        contract.current_range(today),
        f"It began today. Its first usage appears on {day_text(today + ONE_DAY)} (UTC).",
    )
    yield Preset(
        "previous",
        "Cycle before last" if ended else "Previous cycle",
        contract.previous_range(today),
        "None: this is the first cycle.",
    )
    for days in (7, 30):
        first = max(window.date_through - timedelta(days=days - 1), window.date_from)
        yield Preset(f"last-{days}", f"Last {days} days", DateRange(first, window.date_through))
