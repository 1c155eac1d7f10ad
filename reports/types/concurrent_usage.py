"""Concurrent Usage: the most users logged in at one instant of each day, and for how long they were so many."""

from psycopg import sql

from reports.engine.concurrency import levels
from reports.engine.report_type import Column, Kind, ReportType, Scope


def daily_peaks(scope: Scope) -> sql.Composed:
    """Each day of the range with its greatest number of users, and the time spent exactly at it: none for nobody."""
    return sql.SQL(
        """SELECT DISTINCT ON (day) day, users,
            CASE WHEN users = 0 THEN 0 ELSE extract(epoch FROM time) / 60 END AS minutes
        FROM ({}) AS levels ORDER BY day, users DESC"""
    ).format(levels(scope))


def number_of_days(scope: Scope) -> sql.Composed:
    """Every day has its row."""
    return sql.SQL("SELECT {}").format(sql.Literal(scope.range.days))


REPORT_TYPE = ReportType(
    slug="concurrent-usage",
    title="Concurrent Usage",
    description="the most users logged in at once, each day, and for how long",
    place=2,
    columns=(
        Column("Date", Kind.DATE, "day"),
        Column("Peak Concurrent Users", Kind.INTEGER, "users", unit="users"),
        Column("Minutes at Peak", Kind.DECIMAL, "minutes", decimals=(2, 2), unit="minutes"),
    ),
    source=daily_peaks,
    order_by=("day",),
    key=("Date",),
    is_costly=True,
    count=number_of_days,
)
