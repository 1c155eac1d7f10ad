"""When failed deliveries are tried again: soon at first, then at growing intervals, for about a day."""

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
"""Up to this fraction of a delay is added at random, so that what failed together is not retried together."""

LONGEST_WISH = timedelta(hours=8)
"""The longest delay that an endpoint can ask for with `Retry-After`."""


def next_delay(tries: int, *, wish: float | None = None) -> timedelta | None:
    """Return the delay after this number of tries, or None after the last. `wish` is the `Retry-After` in seconds."""
    if tries > len(DELAYS):
        return None
    delay = DELAYS[tries - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - not used for security
    if wish is not None:
        delay = max(delay, min(timedelta(seconds=wish), LONGEST_WISH))
    return delay
