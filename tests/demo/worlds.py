"""Small demo worlds, as rows by their keys."""

from collections.abc import Sequence
from datetime import date
from functools import cache

from demo.companies import COMPANIES, Company
from demo.world import COLUMNS, DAILY_KINDS, Row, World

LOADED_ON = date(2026, 11, 22)
YESTERDAY = date(2026, 11, 21)
KEY_COLUMNS = {"sessions": ("account", "session_id"), "calls": ("account", "sip_call_id")}


def small_world(*, seed: int = 1, loaded_on: date = LOADED_ON, scale: float = 0.05) -> World:
    """Return a demo of a twentieth of the size."""
    return World(seed, loaded_on, scale)


def days_through(world: World, through: date, *, after: date | None = None) -> dict[Company, Sequence[date]]:
    """Return each company's days of usage, from the day after one through another."""
    days = {company: world.days_of_usage(company, through) for company in COMPANIES}
    return {company: [day for day in own if after is None or day > after] for company, own in days.items()}


@cache
def usage(world: World, through: date, *, after: date | None = None) -> dict[str, list[Row]]:
    """Return the rows of usage by kind, the same objects for every test."""
    days = days_through(world, through, after=after)
    return {kind: list(world.daily_rows(kind, days, through)) for kind in DAILY_KINDS}


def by_key(kind: str, rows: list[Row]) -> dict[Row, Row]:
    """Return rows by their natural keys; of several with one key, the last."""
    columns = KEY_COLUMNS.get(kind, ("account", "date", "resource"))
    return {tuple(row[COLUMNS[kind].index(column)] for column in columns): row for row in rows}


def cells(kind: str, rows: list[Row], *columns: str) -> list[tuple[str, ...]]:
    """Return some columns of the rows as text."""
    return [tuple(str(row[COLUMNS[kind].index(column)]) for column in columns) for row in rows]
