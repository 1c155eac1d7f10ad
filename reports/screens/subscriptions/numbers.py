"""The numbers of the Subscription screen, each computed from the rows of the corresponding report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import sql

from jobs.sql import fetch_all
from reports import types
from reports.engine.report_type import Scope


@dataclass(frozen=True, slots=True)
class Peak:
    """The greatest daily peak of a range, and the first day on which it occurred."""

    users: int
    day: date


@dataclass(frozen=True, slots=True)
class Cost:
    """The exact sum of the calls' costs in one currency, with four decimals."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a range; each equals that of the report of the same range.

    `entities` are distinct across all charges; `daily_peaks` has one number for each day, in order; `costs` covers
    rated calls, by currency; `calls` counts rated and unrated calls.
    """

    entities: int
    daily_peaks: tuple[int, ...]
    peak: Peak
    calls: int
    unrated: int
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True)
class MissingRate:
    """A rate that the rate sheet lacks, and the number of calls that need it."""

    usage_group: str
    call_type: str
    direction: str
    calls: int


def numbers_of(scopes: Sequence[Scope]) -> list[Numbers]:
    """Return the numbers of each scope, in the same order. Runs three queries for any number of scopes."""
    if not scopes:
        return []
    entities: dict[int, int] = dict(_rows(scopes, _entities))
    peaks: dict[int, list[Peak]] = {number: [] for number in range(len(scopes))}
    for number, day, users in _rows(scopes, _daily_peaks):
        peaks[number].append(Peak(users, day))
    calls: dict[int, list[tuple[str | None, int, Decimal | None]]] = {number: [] for number in range(len(scopes))}
    for number, currency, count, amount in _rows(scopes, _calls):
        calls[number].append((currency, count, amount))
    return [_numbers(entities[number], peaks[number], calls[number]) for number in range(len(scopes))]


def missing_rates(scope: Scope) -> list[MissingRate]:
    """Return the rates that the unrated calls of a range need, those of most calls first."""
    statement = sql.SQL(
        """SELECT "Usage Group", "Call Type", "Direction", count(*) FROM ({}) AS call
        WHERE "Usage Rate Per Minute" IS NULL
        GROUP BY "Usage Group", "Call Type", "Direction" ORDER BY count(*) DESC, 1, 2, 3"""
    ).format(_cells("voice-usage", scope, "Usage Group", "Call Type", "Direction", "Usage Rate Per Minute"))
    return [MissingRate(*row) for row in fetch_all(statement)]


def _numbers(entities: int, peaks: list[Peak], calls: list[tuple[str | None, int, Decimal | None]]) -> Numbers:
    return Numbers(
        entities=entities,
        daily_peaks=tuple(peak.users for peak in peaks),
        peak=max(peaks, key=lambda peak: peak.users),  # max() keeps the first of equals
        calls=sum(count for _currency, count, _amount in calls),
        unrated=sum(count for currency, count, _amount in calls if currency is None),
        costs=tuple(Cost(amount or Decimal(0), currency) for currency, _count, amount in calls if currency is not None),
    )


def _entities(scope: Scope) -> sql.Composed:
    return sql.SQL('SELECT count(DISTINCT "Entity") FROM ({}) AS billable').format(
        _cells("billable-usage", scope, "Entity")
    )


def _daily_peaks(scope: Scope) -> sql.Composed:
    return _cells("concurrent-usage", scope, "Date", "Peak Concurrent Users")


def _calls(scope: Scope) -> sql.Composed:
    return sql.SQL('SELECT "Currency", count(*), sum("Total cost") FROM ({}) AS call GROUP BY "Currency"').format(
        _cells("voice-usage", scope, "Currency", "Total cost")
    )


def _cells(slug: str, scope: Scope, *headings: str) -> sql.Composed:
    """Select some columns of a report, typed and exact, without the ordering, which a sum does not need."""
    query = types.by_slug(slug).query(scope)
    columns = {column.heading: column for column in query.columns}
    cells = [sql.SQL("{} AS {}").format(columns[heading].value, sql.Identifier(heading)) for heading in headings]
    return sql.SQL("SELECT {} FROM ({}) AS source").format(sql.SQL(", ").join(cells), query.source)


def _rows(scopes: Sequence[Scope], select: Callable[[Scope], sql.Composed]) -> list[tuple[Any, ...]]:
    """Run one SELECT per scope in a single statement; return ordered rows that begin with their scope's number."""
    parts = [
        sql.SQL("(SELECT {} AS scope, part.* FROM ({}) AS part)").format(sql.Literal(number), select(scope))
        for number, scope in enumerate(scopes)
    ]
    return fetch_all(sql.SQL("{} ORDER BY 1, 2").format(sql.SQL(" UNION ALL ").join(parts)))
