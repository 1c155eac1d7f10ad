"""How much is tried. The gate tries every test, and each property with a few new examples.

`make check` (`quick`) tries every test, too, but fewer examples of a property, and of a test with many parameters about
every fourth. `make soak` (`long`) tries many examples.
"""

import math
import os
import zlib
from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "gate")
TIMES = {"quick": Fraction(1, 5), "gate": Fraction(1), "long": Fraction(10)}
"""How many times as many examples as the gate each profile has."""
MANY_PARAMETERS = 4
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


def race_rounds() -> int:
    """How often each race is run; RACE_ROUNDS says otherwise. Most races have one order that decides, and force it."""
    return int(os.environ.get("RACE_ROUNDS", "2"))


def tried(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Those of the tests that are tried: each, but where it must be quick only some of its many parameters."""
    if PROFILE != "quick":
        return list(items)
    kept = []
    for _name, group in groupby(items, key=lambda item: item.nodeid.partition("[")[0]):
        variants = list(group)
        if len(variants) >= MANY_PARAMETERS:
            # By a digest, not every fourth: so no value of several parameters is always left out.
            variants = [item for item in variants if zlib.crc32(item.nodeid.encode()) % 4 == 0] or variants[:1]
        kept += variants
    return kept
