"""How long hypothesis searches: `gate` in every run, a few new examples each time; `quick` in `make check`, `long` in
`make soak`."""

import math
import os
from fractions import Fraction

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "gate")
TIMES = {"quick": Fraction(1, 3), "gate": Fraction(1), "long": Fraction(10)}
"""How many times as many examples as the gate each profile has."""
USUAL = 50

# How long an example takes tells of the machine. A failure prints the lines that repeat it. Nothing is kept between
# runs: each begins with fresh seeds.
_any_machine = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
for name, times in TIMES.items():
    settings.register_profile(name, _any_machine, max_examples=math.ceil(USUAL * times))


def load_profile() -> None:
    """Use the profile that HYPOTHESIS_PROFILE names from now on."""
    settings.load_profile(PROFILE)


def examples(number: int) -> int:
    """The number of examples where the gate has this many."""
    return math.ceil(number * TIMES[PROFILE])
