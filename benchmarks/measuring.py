"""Measuring side by side: machines are noisy, so only the ratio of two interleaved measurements says something."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Protocol

ROUNDS = 7


class Measured(Protocol):
    """A measurement with what is promised of it; a dataclass."""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""

    @property
    def text(self) -> str:
        """What is printed of it behind its name."""

    @property
    def summary(self) -> dict[str, object]:
        """The same as JSON."""

    @property
    def name(self) -> str:
        """What is measured."""


@dataclass(frozen=True)
class Figure:
    """A measurement in seconds, what it is held against, and how many times as long it may take (None: no promise)."""

    name: str
    seconds: float
    against: str
    against_seconds: float
    bound: float | None

    @property
    def ratio(self) -> float:
        """How many times as long it took."""
        return self.seconds / self.against_seconds

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        return self.bound is None or self.ratio <= self.bound

    @property
    def text(self) -> str:
        return (
            f"{self.seconds * 1000:9.1f} ms  = {self.ratio:5.2f} x {self.against}"
            f" ({self.against_seconds * 1000:.1f} ms)" + (f", at most {self.bound:g} x" if self.bound else "")
        )

    @property
    def summary(self) -> dict[str, object]:
        return asdict(self) | {"ratio": round(self.ratio, 3)}


@dataclass(frozen=True)
class Speed:
    """Rows per second, those of what it is held against, and how many times as fast it has to be (None: no promise)."""

    name: str
    rows_per_second: float
    against: str
    against_rows_per_second: float
    least: float | None

    @property
    def ratio(self) -> float:
        """How many times as fast it is."""
        return self.rows_per_second / self.against_rows_per_second

    @property
    def holds(self) -> bool:
        return self.least is None or self.ratio >= self.least

    @property
    def text(self) -> str:
        return (
            f"{self.rows_per_second:9,.0f} /s  = {self.ratio:5.1f} x {self.against}"
            f" ({self.against_rows_per_second:,.0f} /s)" + (f", at least {self.least:g} x" if self.least else "")
        )

    @property
    def summary(self) -> dict[str, object]:
        return asdict(self) | {"ratio": round(self.ratio, 3)}


@dataclass(frozen=True)
class Lapse:
    """A time that somebody waits, and the bound (None: no promise), in seconds."""

    name: str
    seconds: float
    bound: float | None

    @property
    def holds(self) -> bool:
        return self.bound is None or self.seconds <= self.bound

    @property
    def text(self) -> str:
        return f"{self.seconds * 1000:9.1f} ms" + (f", at most {self.bound * 1000:g} ms" if self.bound else "")

    @property
    def summary(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Memory:
    """The most memory that was held at once, and the bound (None: no promise), in megabytes."""

    name: str
    megabytes: float
    bound: float | None

    @property
    def holds(self) -> bool:
        return self.bound is None or self.megabytes <= self.bound

    @property
    def text(self) -> str:
        return f"{self.megabytes:9.1f} MB" + (f", at most {self.bound:g} MB" if self.bound else "")

    @property
    def summary(self) -> dict[str, object]:
        return asdict(self)


def interleaved(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The least seconds of each, measured in turn; the first call of each warms the caches and does not count."""
    least = [float("inf"), float("inf")]
    for number in range(ROUNDS + 1):
        for place, function in enumerate((one, other)):
            start = time.perf_counter()
            function()
            if number:
                least[place] = min(least[place], time.perf_counter() - start)
    return least[0], least[1]


def least_in_turn(rounds: int, *measurements: Callable[[], float]) -> list[float]:
    """The least of what each returns, measured in turn; of the seconds that they say themselves."""
    least = [float("inf")] * len(measurements)
    for _round in range(rounds):
        least = [min(so_far, measure()) for so_far, measure in zip(least, measurements, strict=True)]
    return least


def show(figures: Iterable[Measured]) -> bool:
    """Print a table, line by line as it is measured, then the same as JSON; whether every figure holds."""
    shown = []
    for figure in figures:
        print(f"{figure.name:<52} {figure.text}{'' if figure.holds else '  EXCEEDED'}", flush=True)
        shown.append(figure)
    print(json.dumps([figure.summary for figure in shown]))
    return all(figure.holds for figure in shown)
