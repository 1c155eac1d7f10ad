"""The numbers of the Subscription screen: each is counted over the rows of the report that it stands for."""

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
    """The greatest daily peak of a range, and the first day on which it happened."""

    users: int
    day: date


@dataclass(frozen=True, slots=True)
class Cost:
    """The exact sum of the calls' costs in one currency, four decimals."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a range comes to: each number equals the report of the same range.

    `entities` are distinct over all charges; `daily_peaks` has a number for each day, in order; `costs` are of rated
    calls, by currency; `calls` counts rated and unrated ones.
    """

    entities: int
    daily_peaks: tuple[int, ...]
    peak: Peak
    calls: int
    unrated: int
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True)
class MissingRate:
    """What a rate sheet would need to say to rate so many calls."""

    usage_group: str
    call_type: str
    direction: str
    calls: int


def numbers_of(scopes: Sequence[Scope]) -> list[Numbers]:
    """The numbers of each scope, in the same order: three queries, however many scopes there are."""
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
    """What the unrated calls of a range have in common, the most frequent first."""
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
    """Some columns of a report, typed and exact, without the order that a sum has no use for."""
    query = types.by_slug(slug).query(scope)
    columns = {column.heading: column for column in query.columns}
    cells = [sql.SQL("{} AS {}").format(columns[heading].value, sql.Identifier(heading)) for heading in headings]
    return sql.SQL("SELECT {} FROM ({}) AS source").format(sql.SQL(", ").join(cells), query.source)


def _rows(scopes: Sequence[Scope], select: Callable[[Scope], sql.Composed]) -> list[tuple[Any, ...]]:
    """The rows of one SELECT per scope, in one statement, each row led by the number of its scope; in stable order."""
    parts = [
        sql.SQL("(SELECT {} AS scope, part.* FROM ({}) AS part)").format(sql.Literal(number), select(scope))
        for number, scope in enumerate(scopes)
    ]
    return fetch_all(sql.SQL("{} ORDER BY 1, 2").format(sql.SQL(" UNION ALL ").join(parts)))
