"""Calls of the demo: their number by day and hour, direction, destination and length.

As with the sessions, the calls that start on a day are a pure function of seed, company and day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from types import MappingProxyType

from billing.cycles import midnight
from demo.chance import chance
from demo.companies import Company
from demo.phone_numbers import RANGES
from demo.rates import call_type

INBOUND, OUTBOUND = "Inbound", "Outbound"
# From the opening of the early shift onwards: a peak in the morning, one after lunch, a quiet night.
HOURS = (34, 62, 88, 100, 96, 78, 84, 97, 92, 80, 63, 48, 36, 27, 19, 12, 8, 5, 4, 3, 3, 5, 9, 18)
WEEKDAYS = (1.0, 0.94, 0.9, 0.91, 0.86, 0.42, 0.27)  # Monday first
LONGEST_CALL = timedelta(minutes=90)
NOT_ANSWERED = 0.05

# (direction, usage group, weight), by the company's country.
TRAFFIC = MappingProxyType(
    {
        "US": (
            (INBOUND, "US-TOLLFREE", 470),
            (INBOUND, "US-FIXED", 120),
            (INBOUND, "CA-FIXED", 20),
            (OUTBOUND, "US-FIXED", 150),
            (OUTBOUND, "US-MOBILE", 175),
            (OUTBOUND, "CA-FIXED", 32),
            (OUTBOUND, "GB-FIXED", 14),
            (OUTBOUND, "GB-MOBILE", 9),
            (OUTBOUND, "DE-FIXED", 6),
            (OUTBOUND, "DE-MOBILE", 3),
            (OUTBOUND, "AU-FIXED", 1),
        ),
        "DE": (
            (INBOUND, "DE-TOLLFREE", 410),
            (INBOUND, "DE-FIXED", 140),
            (INBOUND, "FR-FIXED", 8),
            (OUTBOUND, "DE-FIXED", 190),
            (OUTBOUND, "DE-MOBILE", 205),
            (OUTBOUND, "FR-FIXED", 24),
            (OUTBOUND, "GB-FIXED", 16),
            (OUTBOUND, "IE-FIXED", 4),
            (OUTBOUND, "AU-FIXED", 1),
        ),
        "FR": (
            (INBOUND, "FR-TOLLFREE", 380),
            (INBOUND, "FR-FIXED", 170),
            (OUTBOUND, "FR-FIXED", 190),
            (OUTBOUND, "FR-MOBILE", 220),
            (OUTBOUND, "DE-FIXED", 30),
            (OUTBOUND, "IE-FIXED", 8),
        ),
        "GB": (
            (INBOUND, "GB-TOLLFREE", 440),
            (INBOUND, "GB-FIXED", 150),
            (OUTBOUND, "GB-FIXED", 180),
            (OUTBOUND, "GB-MOBILE", 200),
            (OUTBOUND, "IE-FIXED", 26),
            (OUTBOUND, "AU-FIXED", 3),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call, as recorded by the provider."""

    sip_call_id: str
    origin: str
    destination: str
    usage_group: str
    call_type: str
    direction: str
    started_at: datetime
    ended_at: datetime


def calls_started_on(seed: int, company: Company, scale: float, day: date) -> Iterator[CallRecord]:
    """Yield the calls that start on a day, in the order of their starts."""
    random = chance(seed, company.code, day, "calls")
    number = round(company.calls_on_a_busy_day * scale * WEEKDAYS[day.weekday()] * random.uniform(0.92, 1.08))
    hours = HOURS[-company.opens_at :] + HOURS[: -company.opens_at]
    starts = sorted(
        hour * 3_600_000 + random.randrange(3_600_000) for hour in random.choices(range(24), weights=hours, k=number)
    )
    traffic = TRAFFIC[company.home]
    mix = random.choices(traffic, weights=[weight for _direction, _group, weight in traffic], k=number)
    for start, (direction, usage_group, _weight) in zip(starts, mix, strict=True):
        yield _call(random, company, midnight(day) + timedelta(milliseconds=start), direction, usage_group)


def _call(random: Random, company: Company, started_at: datetime, direction: str, usage_group: str) -> CallRecord:
    if direction == INBOUND:
        # A freephone number is the destination; its callers ring from anywhere in the country.
        is_tollfree = usage_group.endswith("-TOLLFREE")
        caller = RANGES[f"{company.home}-MOBILE" if is_tollfree else usage_group].number(random)
        origin = "anonymous" if random.random() < 0.02 else caller
        destination = RANGES[usage_group if is_tollfree else f"{company.home}-FIXED"].number(random)
    else:
        origin = RANGES[f"{company.home}-FIXED"].number(random)
        destination = RANGES[usage_group].number(random)
    return CallRecord(
        sip_call_id=f"{random.getrandbits(64):016x}@sip.{company.domain}",
        origin=origin,
        destination=destination,
        usage_group=usage_group,
        call_type=call_type(usage_group, company.home),
        direction=direction,
        started_at=started_at,
        ended_at=started_at + _duration(random),
    )


def _duration(random: Random) -> timedelta:
    """Return the length of a call: under two and a half minutes for half of them, 0 for those not answered."""
    if random.random() < NOT_ANSWERED:
        return timedelta(0)
    return timedelta(milliseconds=round(min(random.lognormvariate(5.0, 0.95), LONGEST_CALL.total_seconds()) * 1000))
