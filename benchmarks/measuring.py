"""Measuring side by side: machines are noisy, so only the ratio of two interleaved measurements says something."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

ROUNDS = 7


@dataclass(frozen=True)
class Figure:
    """A measurement in seconds, what it is held against, and how many times as long it may take."""

    name: str
    seconds: float
    against: str
    against_seconds: float
    bound: float

    @property
    def ratio(self) -> float:
        """How many times as long it took."""
        return self.seconds / self.against_seconds

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        return self.ratio <= self.bound


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


def show(figures: Iterable[Figure]) -> bool:
    """Print a table, then the same as JSON; whether every figure holds."""
    figures = list(figures)
    for figure in figures:
        verdict = "" if figure.holds else "  EXCEEDED"
        print(
            f"{figure.name:<52} {figure.seconds * 1000:9.1f} ms  = {figure.ratio:5.2f} x {figure.against}"
            f" ({figure.against_seconds * 1000:.1f} ms), at most {figure.bound:g} x{verdict}"
        )
    print(json.dumps([asdict(figure) | {"ratio": round(figure.ratio, 3)} for figure in figures]))
    return all(figure.holds for figure in figures)
