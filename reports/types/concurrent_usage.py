"""Concurrent Usage: the most users logged in at one instant of each day, and how long that number was logged in."""

from psycopg import sql

from reports.engine.concurrency import concurrency_levels
from reports.engine.report_type import ColumnKind, ReportColumn, ReportType, Scope


def daily_peaks(scope: Scope) -> sql.Composed:
    """Return a SELECT of each day of the range with its peak of users and the minutes spent exactly at that number.

    A day on which no user was logged in has 0 minutes.
    """
    return sql.SQL(
        """
        SELECT DISTINCT ON (day) day, users,
            CASE WHEN users = 0 THEN 0 ELSE extract(epoch FROM time) / 60 END AS minutes
        FROM ({}) AS concurrency_level
        ORDER BY day, users DESC
        """
    ).format(concurrency_levels(scope))


def number_of_days(scope: Scope) -> sql.Composed:
    """Return a SELECT of the number of rows: every day of the range has one."""
    return sql.SQL("SELECT {}").format(sql.Literal(scope.range.days))


REPORT_TYPE = ReportType(
    slug="concurrent-usage",
    title="Concurrent Usage",
    description="the most users logged in at once, each day, and for how long",
    place=2,
    columns=(
        ReportColumn("Date", ColumnKind.DATE, "day"),
        ReportColumn("Peak Concurrent Users", ColumnKind.INTEGER, "users", unit="users", is_additive=False),
        ReportColumn("Minutes at Peak", ColumnKind.DECIMAL, "minutes", decimals=(2, 2), unit="minutes"),
    ),
    source=daily_peaks,
    order_by=("day",),
    key=("Date",),
    is_costly=True,
    count=number_of_days,
)
