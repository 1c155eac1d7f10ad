"""Control totals: what a file is held against. They are those of its cells, as the file has them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from psycopg import sql

from reports.engine.report_type import Column, Kind, Query

MILLISECONDS = "milliseconds"
"""The unit of a sum of durations."""
MOST_DIGITS = 200
"""More than any sum has: nothing is rounded."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What the cells of a column add up to: a number in its unit, a duration in milliseconds.

    With `per`, a column's heading, it is the sum of the rows that have `group` in that column: amounts of different
    currencies do not add up.
    """

    column: str
    amount: Decimal
    unit: str = ""
    per: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """So many of something: different values of a column, or rows of which something is true."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A total as people read it: its name, the amount in its unit, and of which group it is."""

    name: str
    amount: Decimal
    unit: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows (without the headings), sums in the order of the columns, different values, and counts of rows."""

    rows: int = 0
    sums: tuple[Sum, ...] = ()
    distinct: tuple[Counted, ...] = ()
    counts: tuple[Counted, ...] = ()

    def lines(self) -> Iterator[Line]:
        """Every total, the number of rows first."""
        yield Line("Rows", Decimal(self.rows))
        for it in self.sums:
            yield Line(f"Sum of {it.column}", it.amount, it.unit, it.group)
        for counted in self.distinct:
            yield Line(f"Different values of {counted.name}", Decimal(counted.count))
        for counted in self.counts:
            yield Line(counted.name, Decimal(counted.count))

    def as_json(self) -> dict[str, Any]:
        """The same as JSON; amounts are text, so that nobody rounds them."""
        return {
            "rows": self.rows,
            "sums": [
                {"column": it.column, "amount": f"{it.amount:f}", "unit": it.unit, "per": it.per, "group": it.group}
                for it in self.sums
            ],
            "distinct": [{"column": it.name, "count": it.count} for it in self.distinct],
            "counts": [{"name": it.name, "count": it.count} for it in self.counts],
        }

    @classmethod
    def from_json(cls, totals: Mapping[str, Any]) -> "Totals":
        """What `as_json` was."""
        return cls(
            totals["rows"],
            tuple(Sum(**{**it, "amount": Decimal(it["amount"])}) for it in totals["sums"]),
            tuple(Counted(it["column"], it["count"]) for it in totals["distinct"]),
            tuple(Counted(it["name"], it["count"]) for it in totals["counts"]),
        )


def groups(query: Query, relation: sql.Composable) -> sql.Composed:
    """A SELECT of the rows that `totals_of` wants, over a relation with the rows of the query's source.

    One row for each group of rows that differ in what amounts are `per`: the values of that, the number of rows, the
    sums, the counts. One pass over the rows.
    """
    pers = [column.value for column in _pers(query)]
    sums = [sql.SQL("sum({})").format(_added(column)) for column in query.columns if column.adds_up]
    counts = [sql.SQL("count(*) FILTER (WHERE {})").format(sql.SQL(count.condition)) for count in query.counts]
    grouping = sql.SQL(" GROUP BY {}").format(sql.SQL(", ").join(pers)) if pers else sql.SQL("")
    return sql.SQL("SELECT {} FROM {}{}").format(
        _named([*pers, sql.SQL("count(*)"), *sums, *counts]), relation, grouping
    )


def distinct(query: Query, relation: sql.Composable) -> sql.Composed | None:
    """A SELECT of how many different values there are, one column for each that counts them; None without any."""
    counted = [sql.SQL("count(DISTINCT {})").format(sql.SQL(it.distinct)) for it in query.columns if it.distinct]
    return sql.SQL("SELECT {} FROM {}").format(_named(counted), relation) if counted else None


def totals_of(query: Query, grouped: Iterable[Sequence[Any]], different: Sequence[int]) -> Totals:
    """The totals, from the rows of `groups` and the row of `distinct`."""
    with localcontext(prec=MOST_DIGITS):
        return _totals_of(query, grouped, different)


def _totals_of(query: Query, grouped: Iterable[Sequence[Any]], different: Sequence[int]) -> Totals:
    pers = [column.heading for column in _pers(query)]
    summed = [column for column in query.columns if column.adds_up]
    amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = 0
    counts = [0] * len(query.counts)
    for row in grouped:
        values = dict(zip(pers, row, strict=False))
        rows += int(row[len(pers)])
        rest = row[len(pers) + 1 :]
        for column, amount in zip(summed, rest, strict=False):
            if amount is not None:
                amounts[column.heading, values[column.per] or "" if column.per else ""] += Decimal(amount)
        counts = [count + int(more) for count, more in zip(counts, rest[len(summed) :], strict=True)]
    return Totals(
        rows,
        tuple(it for column in summed for it in _sums(column, amounts)),
        tuple(map(Counted, (column.heading for column in query.columns if column.distinct), different)),
        tuple(map(Counted, (count.name for count in query.counts), counts)),
    )


def _pers(query: Query) -> list[Column]:
    """The columns that tell amounts apart."""
    headings = {column.per for column in query.columns if column.adds_up}
    return [column for column in query.columns if column.heading in headings]


def _named(expressions: Sequence[sql.Composable]) -> sql.Composed:
    """Each with a name of its own."""
    names = (sql.Identifier(f"total_{number}") for number in range(len(expressions)))
    return sql.SQL(", ").join(map(sql.SQL("{} AS {}").format, expressions, names))


def _added(column: Column) -> sql.Composable:
    """A cell's value as files have it."""
    if column.kind is Kind.DECIMAL:
        return column.rounded
    return sql.SQL("({})::bigint").format(column.value)


def _sums(column: Column, amounts: Mapping[tuple[str, str], Decimal]) -> list[Sum]:
    """A column's sum, 0 if all of its cells are empty; or that of each group in which some are not."""
    found = sorted(group for heading, group in amounts if heading == column.heading) if column.per else [""]
    unit = MILLISECONDS if column.kind is Kind.DURATION else column.unit
    return [
        Sum(column.heading, _shown(column, amounts.get((column.heading, group), Decimal())), unit, column.per, group)
        for group in found
    ]


def _shown(column: Column, amount: Decimal) -> Decimal:
    """With as many decimals as a cell with this number has."""
    if column.kind is not Kind.DECIMAL:
        return amount
    least, most = column.decimals
    needed = next((places for places in range(least, most) if amount == round(amount, places)), most)
    return round(amount, needed)
