"""Side-by-side measurements: machines are noisy, so only the ratio of two interleaved measurements means something."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Protocol

ROUNDS = 7


class Measured(Protocol):
    """A measurement and what is promised of it; a dataclass."""

    @property
    def holds(self) -> bool:
        """Return whether the promise is kept."""

    @property
    def text(self) -> str:
        """Return what is printed after its name."""

    @property
    def summary(self) -> dict[str, object]:
        """Return the same figures as JSON."""

    @property
    def name(self) -> str:
        """Return what the figure measures."""


@dataclass(frozen=True)
class Figure:
    """Seconds, the yardstick's seconds, and how many times as long it may take (None: no promise)."""

    name: str
    seconds: float
    against: str
    against_seconds: float
    bound: float | None

    @property
    def ratio(self) -> float:
        """Return how many times as long it took."""
        return self.seconds / self.against_seconds

    @property
    def holds(self) -> bool:
        """Return whether it is within its bound."""
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
    """Rows per second, those of the yardstick, and how many times as fast it must be (None: no promise)."""

    name: str
    rows_per_second: float
    against: str
    against_rows_per_second: float
    least: float | None

    @property
    def ratio(self) -> float:
        """Return how many times as fast it is."""
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
    """A waiting time and its bound (None: no promise), in seconds."""

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
    """The peak of memory and its bound (None: no promise), in megabytes."""

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
    """Return the least seconds of each, measured in turn. The first call of each warms the caches and is left out."""
    least = [float("inf"), float("inf")]
    for number in range(ROUNDS + 1):
        for place, function in enumerate((one, other)):
            start = time.perf_counter()
            function()
            if number:
                least[place] = min(least[place], time.perf_counter() - start)
    return least[0], least[1]


def least_in_turn(rounds: int, *measurements: Callable[[], float]) -> list[float]:
    """Return the least of the seconds that each returns, called in turn."""
    least = [float("inf")] * len(measurements)
    for _round in range(rounds):
        least = [min(so_far, measure()) for so_far, measure in zip(least, measurements, strict=True)]
    return least


def show(figures: Iterable[Measured]) -> bool:
    """Print a table, line by line as it is measured, and then as JSON. Return whether every figure holds."""
    shown = []
    for figure in figures:
        print(f"{figure.name:<52} {figure.text}{'' if figure.holds else '  EXCEEDED'}", flush=True)
        shown.append(figure)
    print(json.dumps([figure.summary for figure in shown]))
    return all(figure.holds for figure in shown)
