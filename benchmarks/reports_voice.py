"""Voice Usage as CSV, a million calls from claim to stored file: its speed against the bare database."""

import tempfile
from collections.abc import Iterator
from datetime import date
from functools import cache, partial
from hashlib import file_digest
from pathlib import Path

from psycopg import sql

from benchmarks.measuring import Figure, Measured, Speed, least_in_turn
from benchmarks.reports_usage import load_calls
from benchmarks.reports_world import ASKED_ON, Customer, forget, made
from benchmarks.reports_yardsticks import copy_seconds, stock_seconds
from billing.cycles import DateRange
from jobs.files import local_path
from reports import types
from reports.engine.report_type import Query
from reports.engine.write import scope_of
from reports.formats.csv import csv_cell

MILLION = 1_000_000
HUNDRED_THOUSAND = MILLION // 10
STOCK_CALLS = 30_000
# More rows than a sheet can hold: eleven tenths of a million.
CALLS = MILLION * 11 // 10
FIRST_DAY = date(2025, 3, 1)
DAYS_OF_ALL = DateRange(FIRST_DAY, date(2025, 4, 2))
DAYS_OF_MILLION = DateRange(FIRST_DAY, date(2025, 3, 30))
DAYS_OF_HUNDRED_THOUSAND = DateRange(FIRST_DAY, date(2025, 3, 3))
ROUNDS = 4
SAME_BOUND, PLAIN_BOUND, STOCK_LEAST = 1.25, 2.5, 10
_STORED = """
SELECT sip_call_id, origin, destination, usage_group, call_type, direction, started_at, ended_at, duration_seconds,
 rate_sheet_version_id, rate_per_minute, adjusted_seconds, cost, currency
FROM usage_call WHERE account_id = {account} AND started_at >= {start} AND started_at < {end}
ORDER BY account_id, started_at, sip_call_id
"""


@cache
def caller() -> Customer:
    """A customer with all the calls: a million in the first thirty days, and a tenth more in three days."""
    customer = Customer.make("VOICE")
    load_calls([customer], of_each=CALLS, first_day=FIRST_DAY, days=DAYS_OF_ALL.days)
    return customer


def figures() -> Iterator[Measured]:
    """Measure each of them once a round, and take the least of their seconds."""
    customer = caller()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copied.csv"
        query = query_of(customer)
        _same_bytes(customer, query, path)
        report, same, plain, stock = least_in_turn(
            ROUNDS,
            partial(customer.seconds, "voice-usage", DAYS_OF_MILLION, rows=MILLION),
            partial(copy_seconds, query.select(csv_cell), path),
            partial(copy_seconds, _stored(customer), path),
            partial(stock_seconds, customer, DAYS_OF_MILLION, rows=STOCK_CALLS, workbook=False, path=path),
        )
    name = f"voice-usage, {MILLION:,} calls, CSV"
    yield Figure(name, report, "\\copy of the same SELECT", same, SAME_BOUND)
    yield Figure(name, report, "\\copy of the stored columns, in index order", plain, PLAIN_BOUND)
    yield Speed(name, MILLION / report, "django-import-export", STOCK_CALLS / stock, STOCK_LEAST)


def query_of(customer: Customer) -> Query:
    """Return the rows of the report on a million calls."""
    return types.by_slug("voice-usage").query(scope_of(customer.subscription, DAYS_OF_MILLION, ASKED_ON))


def _stored(customer: Customer) -> sql.Composable:
    start, end = DAYS_OF_MILLION.period
    account = customer.subscription.account_id
    return sql.SQL(_STORED).format(account=sql.Literal(account), start=sql.Literal(start), end=sql.Literal(end))


def _same_bytes(customer: Customer, query: Query, path: Path) -> None:
    """Check that psql copies the same rows as the report, which also warms the caches."""
    job = customer.asked("voice-usage", DAYS_OF_MILLION)
    made(job)
    copy_seconds(query.select(csv_cell), path)
    digests = {job.file_sha256}
    for file in (path, local_path(str(job.file.name))):
        with Path(str(file)).open("rb") as content:
            digests.add(file_digest(content, "sha256").hexdigest())
    if len(digests) != 1:
        raise RuntimeError("psql copies something else than the report")
    forget(job)
