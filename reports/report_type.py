"""What a report type declares: its columns, and the query that fills them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import sql

from billing.cycles import Cycle, DateRange


class Kind(StrEnum):
    """What a column holds; each file format writes a kind in its own way."""

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
    in between. `unit` says what a number counts.
    """

    heading: str
    kind: Kind
    expression: str
    decimals: tuple[int, int] = (0, 6)
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is asked about: one account's usage over some days of a subscription's window.

    `open_until` is where sessions still open are cut: the end of the last day with data. `cycles` are the billing
    cycles that touch the range, in order.
    """

    account_id: int
    subscription_id: int
    range: DateRange
    cycles: tuple[Cycle, ...]
    open_until: datetime


@dataclass(frozen=True, slots=True)
class ReportType:
    """One kind of report.

    `source` composes a SELECT without ORDER BY; the expressions of `columns` and `order_by` are SQL over its rows. Text
    is ordered by code point, because every text column of the schema that is ordered by has the collation "C".
    """

    slug: str
    title: str
    description: str
    columns: tuple[Column, ...]
    source: Callable[[Scope], sql.Composable]
    order_by: tuple[str, ...]
