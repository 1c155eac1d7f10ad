"""What a report type declares: its columns, and the query that fills them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import sql

from billing.cycles import Cycle, DateRange


class ColumnKind(StrEnum):
    """What a column holds; each file format writes a kind in its own way.

    The kind sets the SQL type of the column's expression: text (`text`, `varchar`), integer (`integer`, `bigint`),
    decimal (`numeric`), date (`date`), instant (`timestamptz`), duration (whole milliseconds, `bigint`).
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class DistinctCount:
    """A count in the control totals: the different values of an SQL expression, under the name that people read."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column: its exact heading, its kind, and its SQL expression over the rows of the report type's source.

    `decimals` are the least and the most decimal places of a decimal: it is rounded half up to the most, and trailing
    zeros beyond the least are dropped. `is_rounded` promises that the expression never has more places than the most
    (and, where least and most are equal, never fewer). `unit` says what a number counts.

    Control totals sum up numbers and durations, unless `is_additive` is false: a sum of rates or of peaks means
    nothing. `per` is the heading of another column, such as the currency: amounts are summed separately for each of its
    values. `distinct`, if given, has as many different values as the column; control totals count them.
    """

    heading: str
    kind: ColumnKind
    expression: str
    decimals: tuple[int, int] = (0, 6)
    is_rounded: bool = False
    unit: str = ""
    is_additive: bool = True
    per: str = ""
    distinct: DistinctCount | None = None

    @property
    def value(self) -> sql.Composable:
        """The stored value, typed and exact."""
        return sql.SQL(self.expression)

    @property
    def rounded(self) -> sql.Composable:
        """A decimal as cells show it, apart from trailing zeros."""
        return self.value if self.is_rounded else sql.SQL("round({}, {})").format(self.value, self.decimals[1])

    @property
    def adds_up(self) -> bool:
        """Whether control totals have a sum of the column."""
        return self.is_additive and self.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL, ColumnKind.DURATION)

    def described(self) -> dict[str, str]:
        """Return name, kind and unit, as the API and the manifest describe the column."""
        return {"name": self.heading, "kind": self.kind.value, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class RowCount:
    """A count in the control totals: the rows of the source for which the SQL condition is true."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report covers: one account's usage over some days of a subscription's window.

    `cycles` are the billing cycles that touch the range, in order and uncut. `open_sessions_end_at` is where sessions
    still open are cut: the end of the last day with data.
    """

    account_id: int
    subscription_id: int
    range: DateRange
    cycles: tuple[Cycle, ...]
    open_sessions_end_at: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of one report: a source, columns over it, an order, and what the control totals count.

    `is_costly`: see `ReportType`.
    """

    columns: tuple[ReportColumn, ...]
    source: sql.Composable
    order_by: tuple[str, ...]
    counts: tuple[RowCount, ...] = ()
    is_costly: bool = False

    def select(self, cell: Callable[[ReportColumn], sql.Composable] = lambda column: column.value) -> sql.Composed:
        """Return an ordered SELECT with the headings as names; `cell` gives the expression of a column's cells."""
        return self.ordered(
            sql.SQL("{} AS {}").format(cell(column), sql.Identifier(column.heading)) for column in self.columns
        )

    def ordered(self, cells: Iterable[sql.Composable], relation: sql.Composable | None = None) -> sql.Composed:
        """Return an ordered SELECT of expressions over the source's rows, or over a relation with the same columns."""
        return sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            sql.SQL(", ").join(cells), relation or self.relation, sql.SQL(", ").join(map(sql.SQL, self.order_by))
        )

    def count(self) -> sql.Composed:
        """Return a SELECT of the number of rows."""
        return sql.SQL("SELECT count(*) FROM {}").format(self.relation)

    @property
    def relation(self) -> sql.Composed:
        """The source, as an item of a FROM clause."""
        return sql.SQL("({}) AS source").format(self.source)


@dataclass(frozen=True, slots=True)
class ReportType:
    """One type of report.

    `source` composes a SELECT; the expressions of `columns` and `order_by` are SQL over its rows. The order is total,
    and text in it has the collation "C", as every such column of the schema has: two runs over the same data give the
    same bytes. `sorted_by`, if given, is the same order by values that compare faster, such as the rank of a text.
    `count`, if given, composes a SELECT of the number of rows that is cheaper than counting those of the source.

    `counts` stand beside the sums in the control totals. `is_costly` says that computing the source's rows takes much
    longer than reading them: the database then computes them once and keeps them until they are written, instead of
    computing them again for the totals.

    When two reports are compared, rows with equal cells in the columns of the headings `key` are the same row (without
    a key: rows that agree in all cells). `key_cycle`, if given, is the heading of an instant; its billing cycle is
    part of the key.

    Lists show types by `place`; those without one come last.
    """

    slug: str
    title: str
    description: str
    columns: tuple[ReportColumn, ...]
    source: Callable[[Scope], sql.Composable]
    order_by: tuple[str, ...]
    key: tuple[str, ...] = ()
    key_cycle: str = ""
    sorted_by: tuple[str, ...] = ()
    count: Callable[[Scope], sql.Composable] | None = None
    counts: tuple[RowCount, ...] = ()
    is_costly: bool = False
    place: int = 100

    def __post_init__(self) -> None:
        headings = [column.heading for column in self.columns]
        if len(set(headings)) < len(headings):  # their totals would be mixed up
            raise ValueError(f"{self.title}: two columns have the same heading.")

    def query(self, scope: Scope) -> Query:
        """Return the query of this report for a scope."""
        return Query(self.columns, self.source(scope), self.sorted_by or self.order_by, self.counts, self.is_costly)
