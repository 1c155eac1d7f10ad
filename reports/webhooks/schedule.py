"""When a delivery that failed is tried again: soon at first, then less and less often, for a day in all."""

import random
from datetime import timedelta

DELAYS = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
]
JITTER = 0.1
"""Up to this part of a delay is added by chance, so that what failed together is not tried together."""

LONGEST_WISH = timedelta(hours=8)
"""An endpoint that asks for a later attempt gets it, but not later than this."""


def next_delay(tries: int, *, wish: float | None = None) -> timedelta | None:
    """How long to wait after so many tries; None: that was the last. `wish` is what a Retry-After said, in seconds."""
    if tries > len(DELAYS):
        return None
    delay = DELAYS[tries - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - no secret hangs on it
    if wish is not None:
        delay = max(delay, min(timedelta(seconds=wish), LONGEST_WISH))
    return delay
