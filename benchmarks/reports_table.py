"""A report of one account's month, from a table with millions of calls of many accounts and from a small one."""

from collections.abc import Iterator
from datetime import date

from django.db import connection

from benchmarks.measuring import Figure, Measured, least_in_turn
from benchmarks.reports_plans import show_plan
from benchmarks.reports_usage import load_calls
from benchmarks.reports_world import ASKED_ON, Customer
from billing.cycles import DateRange
from reports import types
from reports.engine.write import scope_of
from reports.formats.csv import csv_cell

CALLS_OF_EACH = 25_000
ACCOUNTS, FEW_ACCOUNTS = 200, 8
MONTH = DateRange(date(2025, 3, 1), date(2025, 3, 31))
LARGE, SMALL = "tallydesk", "tallydesk_small"
ROUNDS = 15
BOUND = 1.3


def figures() -> Iterator[Measured]:
    """Create two databases with the same accounts, one of them with the calls of all accounts."""
    customers = [Customer.make(f"TABLE-{number:03}") for number in range(ACCOUNTS)]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {SMALL} TEMPLATE {LARGE}")
    try:
        yield from _figures(customers)
    finally:
        _enter(LARGE)
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {SMALL}")


def _figures(customers: list[Customer]) -> Iterator[Measured]:
    customer = customers[FEW_ACCOUNTS // 2]
    days = MONTH.days
    for database, number in ((SMALL, FEW_ACCOUNTS), (LARGE, ACCOUNTS)):
        _enter(database)
        load_calls(customers[:number], of_each=CALLS_OF_EACH, first_day=MONTH.date_from, days=days)

    def seconds_in(database: str) -> float:
        _enter(database)
        return customer.seconds("voice-usage", MONTH, rows=CALLS_OF_EACH)

    query = types.by_slug("voice-usage").query(scope_of(customer.subscription, MONTH, ASKED_ON))
    large, small = least_in_turn(ROUNDS, lambda: seconds_in(LARGE), lambda: seconds_in(SMALL))
    for database, number in ((SMALL, FEW_ACCOUNTS), (LARGE, ACCOUNTS)):
        _enter(database)
        show_plan(f"among {number * CALLS_OF_EACH:,} calls", query.select(csv_cell), runs=True)
    name = f"{CALLS_OF_EACH:,} calls of {ACCOUNTS * CALLS_OF_EACH:,}"
    yield Figure(name, large, f"the same of {FEW_ACCOUNTS * CALLS_OF_EACH:,}", small, BOUND)


def _enter(database: str) -> None:
    """Use this database from now on."""
    if connection.settings_dict["NAME"] != database:
        connection.close()
        connection.settings_dict["NAME"] = database
    connection.ensure_connection()
