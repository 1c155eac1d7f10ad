"""What a report type declares: its columns, and the query that fills them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import sql

from billing.cycles import Cycle, DateRange


class Kind(StrEnum):
    """What a column holds; each file format writes a kind in its own way.

    The expression of a column is of the type named here: text (`text`, `varchar`), integer (`integer`, `bigint`),
    decimal (`numeric`), date (`date`), instant (`timestamptz`), duration (whole milliseconds, `bigint`).
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its exact heading, its kind, and the SQL expression over the rows of the report type's source.

    A decimal is written with `decimals`: at least so many, at most so many (rounded half up), without needless zeros
    in between; `is_rounded` says that the expression never has more of them (and no fewer, where the two are one
    number). `unit` says what a number counts. The control totals add numbers and durations up; amounts of money `per`
    the currency that the column of this heading names. They count the values of `distinct`, if it is given: SQL that
    has as many different values as the column.
    """

    heading: str
    kind: Kind
    expression: str
    decimals: tuple[int, int] = (0, 6)
    is_rounded: bool = False
    unit: str = ""
    per: str = ""
    distinct: str = ""

    @property
    def value(self) -> sql.Composable:
        """The stored value, typed and exact."""
        return sql.SQL(self.expression)

    @property
    def rounded(self) -> sql.Composable:
        """A decimal as cells show it, but for needless zeros."""
        return self.value if self.is_rounded else sql.SQL("round({}, {})").format(self.value, self.decimals[1])

    @property
    def adds_up(self) -> bool:
        """Whether its cells have a sum."""
        return self.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DURATION)

    def described(self) -> dict[str, str]:
        """Name, kind and unit, as programs are told of the column."""
        return {"name": self.heading, "kind": self.kind.value, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows that the control totals tell: those of the source for which the SQL condition is true."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is asked about: one account's usage over some days of a subscription's window.

    `open_until` is where sessions still open are cut: the end of the last day with data. `cycles` are the billing
    cycles that touch the range, in order and not cut.
    """

    account_id: int
    subscription_id: int
    range: DateRange
    cycles: tuple[Cycle, ...]
    open_until: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of one report: a relation, columns over it, their order, and what the control totals count of them."""

    columns: tuple[Column, ...]
    source: sql.Composable
    order_by: tuple[str, ...]
    counts: tuple[Count, ...] = ()
    is_costly: bool = False

    def select(self, cell: Callable[[Column], sql.Composable] = lambda column: column.value) -> sql.Composed:
        """An ordered SELECT with a heading for each column; `cell` says how a format wants a column's value."""
        return self.ordered(
            sql.SQL("{} AS {}").format(cell(column), sql.Identifier(column.heading)) for column in self.columns
        )

    def ordered(self, cells: Iterable[sql.Composable], relation: sql.Composable | None = None) -> sql.Composed:
        """An ordered SELECT of any expressions over the rows of the source, or of a relation that has them."""
        return sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            sql.SQL(", ").join(cells), relation or self.relation, sql.SQL(", ").join(map(sql.SQL, self.order_by))
        )

    def count(self) -> sql.Composed:
        """A SELECT of the number of rows."""
        return sql.SQL("SELECT count(*) FROM {}").format(self.relation)

    @property
    def relation(self) -> sql.Composed:
        """The source as something to select from."""
        return sql.SQL("({}) AS source").format(self.source)


@dataclass(frozen=True, slots=True)
class ReportType:
    """One kind of report.

    `source` composes a SELECT; the expressions of `columns` and `order_by` are SQL over its rows. The order is total,
    and text in it has the collation "C", as every such column of the schema has: two runs over the same data are the
    same bytes. `sorted_by`, if given, is the same order by what is compared faster, such as the place of a text among
    all. `count`, if given, composes a cheaper SELECT of the number of rows than counting those of the source. Lists
    show the types by `place`, those without one last.

    `counts` are told beside the sums of the columns. A source `is_costly` when to make its rows takes much longer than
    to read them: then they are made once, and kept by the database until they are written. Of two reports, rows with
    the same cells in the columns of the headings `key` are the same row (without a key: those that have all cells in
    common); `key_cycle`, if given, is the heading of an instant of whose billing cycle there is but one.
    """

    slug: str
    title: str
    description: str
    columns: tuple[Column, ...]
    source: Callable[[Scope], sql.Composable]
    order_by: tuple[str, ...]
    key: tuple[str, ...] = ()
    key_cycle: str = ""
    sorted_by: tuple[str, ...] = ()
    count: Callable[[Scope], sql.Composable] | None = None
    counts: tuple[Count, ...] = ()
    is_costly: bool = False
    place: int = 100

    def __post_init__(self) -> None:
        headings = [column.heading for column in self.columns]
        if len(set(headings)) < len(headings):  # their totals would be added into each other
            raise ValueError(f"{self.title}: two columns have one heading")

    def query(self, scope: Scope) -> Query:
        """The rows of this report for a scope."""
        return Query(self.columns, self.source(scope), self.sorted_by or self.order_by, self.counts, self.is_costly)
