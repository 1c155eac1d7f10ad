"""Control totals: the numbers a file is checked against. They are the totals of its cells, as the file shows them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from psycopg import sql

from reports.engine.report_type import ColumnKind, Query, ReportColumn

MILLISECONDS = "milliseconds"
"""The unit of a sum of durations."""
MOST_DIGITS = 200
"""More digits than any sum has, so that nothing is rounded."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a column's cells: a number in its unit, a duration in milliseconds.

    With `per`, the heading of another column, it is the sum over the rows with `group` in that column: amounts in
    different currencies do not add up.
    """

    column: str
    amount: Decimal
    unit: str = ""
    per: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class NamedCount:
    """A count under a name: distinct values of a column, or rows for which a condition is true."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A total as people read it: its name, the amount in its unit, and the group it is for."""

    name: str
    amount: Decimal
    unit: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The number of rows (without the headings), sums in the order of the columns, distinct values, counts of rows."""

    rows: int = 0
    sums: tuple[Sum, ...] = ()
    distinct: tuple[NamedCount, ...] = ()
    counts: tuple[NamedCount, ...] = ()

    def lines(self, columns: Iterable[ReportColumn] = ()) -> Iterator[Line]:
        """Yield every total, the number of rows first.

        `columns` are those of the report type. They name the distinct counts, which are stored under the headings
        alone; a count of a column that is not among them is named after its heading.
        """
        names = {column.heading: column.distinct.name for column in columns if column.distinct}
        yield Line("Rows", Decimal(self.rows))
        for it in self.sums:
            yield Line(f"Sum of {it.column}", it.amount, it.unit, it.group)
        for values in self.distinct:
            yield Line(names.get(values.name, f"Distinct values of {values.name}"), Decimal(values.count))
        for rows in self.counts:
            yield Line(rows.name, Decimal(rows.count))

    def as_json(self) -> dict[str, Any]:
        """Return the totals as JSON. Amounts are text, so that no reader rounds them."""
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
        """Return the totals that `as_json` made JSON of."""
        return cls(
            totals["rows"],
            tuple(Sum(**{**it, "amount": Decimal(it["amount"])}) for it in totals["sums"]),
            tuple(NamedCount(it["column"], it["count"]) for it in totals["distinct"]),
            tuple(NamedCount(it["name"], it["count"]) for it in totals["counts"]),
        )


def select_grouped_totals(query: Query, relation: sql.Composable) -> sql.Composed:
    """Return a SELECT, over a relation with the rows of the query's source, of what `build_totals` adds up.

    It yields one row for each combination of values that keep amounts apart (`per`): those values, the number of rows,
    the sums, the counts. One pass over the relation.
    """
    grouping = [column.value for column in _grouping_columns(query)]
    sums = [sql.SQL("sum({})").format(_summand(column)) for column in query.columns if column.adds_up]
    counts = [sql.SQL("count(*) FILTER (WHERE {})").format(sql.SQL(count.condition)) for count in query.counts]
    group_by = sql.SQL(" GROUP BY {}").format(sql.SQL(", ").join(grouping)) if grouping else sql.SQL("")
    return sql.SQL("SELECT {} FROM {}{}").format(
        _aliased([*grouping, sql.SQL("count(*)"), *sums, *counts]), relation, group_by
    )


def select_distinct_counts(query: Query, relation: sql.Composable) -> sql.Composed | None:
    """Return a SELECT of the number of distinct values of each column that has them counted; None if none has."""
    counts = [
        sql.SQL("count(DISTINCT {})").format(sql.SQL(it.distinct.expression)) for it in query.columns if it.distinct
    ]
    return sql.SQL("SELECT {} FROM {}").format(_aliased(counts), relation) if counts else None


def build_totals(query: Query, grouped: Iterable[Sequence[Any]], distinct_counts: Sequence[int]) -> Totals:
    """Return the totals from the rows of `select_grouped_totals` and the row of `select_distinct_counts`."""
    with localcontext(prec=MOST_DIGITS):
        return _build_totals(query, grouped, distinct_counts)


def _build_totals(query: Query, grouped: Iterable[Sequence[Any]], distinct_counts: Sequence[int]) -> Totals:
    grouping = [column.heading for column in _grouping_columns(query)]
    summed = [column for column in query.columns if column.adds_up]
    amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = 0
    counts = [0] * len(query.counts)
    for row in grouped:
        values = dict(zip(grouping, row, strict=False))
        rows += int(row[len(grouping)])
        rest = row[len(grouping) + 1 :]
        for column, amount in zip(summed, rest, strict=False):
            if amount is not None:
                amounts[column.heading, values[column.per] or "" if column.per else ""] += Decimal(amount)
        counts = [count + int(more) for count, more in zip(counts, rest[len(summed) :], strict=True)]
    return Totals(
        rows,
        tuple(it for column in summed for it in _sums(column, amounts)),
        tuple(map(NamedCount, (column.heading for column in query.columns if column.distinct), distinct_counts)),
        tuple(map(NamedCount, (count.name for count in query.counts), counts)),
    )


def _grouping_columns(query: Query) -> list[ReportColumn]:
    """Return the columns whose values keep amounts apart."""
    headings = {column.per for column in query.columns if column.adds_up}
    return [column for column in query.columns if column.heading in headings]


def _aliased(expressions: Sequence[sql.Composable]) -> sql.Composed:
    """Return the expressions, each under a name of its own: JSON objects keep one value for each name."""
    names = (sql.Identifier(f"total_{number}") for number in range(len(expressions)))
    return sql.SQL(", ").join(map(sql.SQL("{} AS {}").format, expressions, names))


def _summand(column: ReportColumn) -> sql.Composable:
    """Return the expression of a cell's value as files show it."""
    if column.kind is ColumnKind.DECIMAL:
        return column.rounded
    return sql.SQL("({})::bigint").format(column.value)


def _sums(column: ReportColumn, amounts: Mapping[tuple[str, str], Decimal]) -> list[Sum]:
    """Return a column's sum (0 if all its cells are empty), or with `per` the sum of each group that has an amount."""
    groups = sorted(group for heading, group in amounts if heading == column.heading) if column.per else [""]
    unit = MILLISECONDS if column.kind is ColumnKind.DURATION else column.unit
    return [
        Sum(column.heading, _as_shown(column, amounts.get((column.heading, group), Decimal())), unit, column.per, group)
        for group in groups
    ]


def _as_shown(column: ReportColumn, amount: Decimal) -> Decimal:
    """Return the amount with as many decimal places as a cell of the column would show."""
    if column.kind is not ColumnKind.DECIMAL:
        return amount
    least, most = column.decimals
    needed = next((places for places in range(least, most) if amount == round(amount, places)), most)
    return round(amount, needed)
