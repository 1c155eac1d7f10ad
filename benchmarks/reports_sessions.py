"""Reports on a million login sessions, for a year and for a billing cycle, against one sorted scan."""

import tempfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

from psycopg import sql

from benchmarks.measuring import Figure, Measured, least_in_turn
from benchmarks.reports_plans import show_plan
from benchmarks.reports_usage import load_sessions
from benchmarks.reports_world import ASKED_ON, Customer
from benchmarks.reports_yardsticks import copy_seconds
from billing.cycles import DateRange
from reports import types
from reports.engine.write import scope_of
from reports.formats.csv import csv_cell

USERS, SESSIONS = 40_000, 1_000_000
YEAR = DateRange(date(2025, 1, 1), date(2025, 12, 31))
ROUNDS = 5
BOUNDS = {"concurrent-usage": 4, "user-hours": 6, "billable-usage": 2.5}
# The sessions that the reports cover: those with any time inside the range.
_SCAN = """
SELECT entity_id, started_at, ended_at FROM usage_loginsession
WHERE account_id = {account} AND started_at < {end} AND (ended_at > {start} OR ended_at IS NULL)
ORDER BY entity_id, started_at, ended_at
"""


def figures() -> Iterator[Measured]:
    """Measure each report and the scan once a round, and take the least of their seconds."""
    customer = Customer.make("SESSIONS")
    load_sessions(customer, users=USERS, number=SESSIONS, days=YEAR)
    cycle = customer.subscription.contract.cycle_on(date(2025, 6, 15))
    for name, days in (("a year", YEAR), ("a cycle", DateRange(cycle.first_day, cycle.last_day))):
        yield from _over(customer, days, name)


def _over(customer: Customer, days: DateRange, name: str) -> Iterator[Measured]:
    scope = scope_of(customer.subscription, days, ASKED_ON)
    for slug in BOUNDS:
        show_plan(f"{slug}, {name}", types.by_slug(slug).query(scope).select(csv_cell))
    start, end = days.period
    scan = sql.SQL(_SCAN).format(account=sql.Literal(scope.account_id), start=sql.Literal(start), end=sql.Literal(end))
    with tempfile.TemporaryDirectory() as folder:
        sorted_scan, *reports = least_in_turn(
            ROUNDS,
            partial(copy_seconds, scan, Path(folder) / "sorted.csv"),
            *(partial(customer.seconds, slug, days) for slug in BOUNDS),
        )
    for (slug, bound), seconds in zip(BOUNDS.items(), reports, strict=True):
        yield Figure(f"{slug}, {name} of {SESSIONS:,} sessions", seconds, "a sorted \\copy", sorted_scan, bound)
