"""Resources of the demo: daily consumption of a contact centre, and what its licences include."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random

from demo.calls import WEEKDAYS
from demo.chance import chance
from demo.companies import Company

STORAGE = "Data storage (GB)"
IVR = "IVR overage minutes"
RESOURCES = (
    (IVR, "minute"),
    (STORAGE, "GB"),
    ("SMS messages", "message"),
    ("API requests", "request"),
    ("BYOC minutes", "minute"),
)

FIRST_RECORDING = date(2024, 1, 1)  # storage has grown daily since then

# The quantity of a resource that one licence of a charge includes in each billing cycle.
ALLOWANCES = (
    ("CX 1 Named", IVR, 2000),
    ("CX 2 Named", IVR, 2500),
    ("CX 3 Concurrent", IVR, 3000),
    ("Hourly Interacting", IVR, 300),
    ("CX 1 Named", STORAGE, 5),
    ("CX 2 Named", STORAGE, 10),
    ("CX 3 Concurrent", STORAGE, 15),
    ("CX 2 Named", "API requests", 600_000),
    ("CX 3 Concurrent", "API requests", 600_000),
)


def quantities(seed: int, company: Company, scale: float, day: date) -> Iterator[tuple[str, str]]:
    """Yield the resources consumed on a day, with quantities as decimal text. Pure function of its arguments.

    Storage is consumed every day, including days without any work.
    """
    random = chance(seed, company.code, day, "resources")
    people = company.users * scale * WEEKDAYS[day.weekday()]
    storage = company.storage_gb * scale * (1 + 0.0006 * (day - FIRST_RECORDING).days) + random.uniform(-0.3, 0.3)
    yield IVR, _amount(random, people * 3.1, 2)
    yield STORAGE, f"{storage:.3f}"
    # A campaign on some days, and on others not a single message.
    is_campaign = random.random() < 0.15
    yield "SMS messages", _amount(random, people * (22 if is_campaign else 1.5), 0) if people > 4 else "0"
    yield "API requests", _amount(random, people * 2150, 0)
    if company.has_byoc:
        yield "BYOC minutes", _amount(random, people * 9.4, 2)


def _amount(random: Random, mean: float, decimals: int) -> str:
    """Return a random amount near the mean, with at most `decimals` decimals and no trailing zeros."""
    amount = Decimal(f"{random.uniform(0.8, 1.2) * mean:.{decimals}f}").normalize()
    return f"{amount:f}"
