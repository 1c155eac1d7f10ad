"""User Hour Usage: how long each user was logged in, each day."""

from psycopg import sql

from reports.presence import presence, sessions_inside
from reports.report_type import Column, Kind, ReportType, Scope

# The days that a stretch of time from `since` until `until` (UTC) has a part of; midnight ends a day, and begins none.
_DAYS = sql.SQL(
    """LATERAL (
        SELECT since::date + number AS day
        FROM generate_series(0, (until - interval '1 microsecond')::date - since::date) AS number
    ) AS days"""
)


def daily_hours(scope: Scope) -> sql.Composed:
    """Each user logged in on a day, for each day of the range, and for how long; midnight splits what crosses it."""
    return sql.SQL(
        """SELECT entity.identifier AS user, entity.id AS user_id, daily.day, daily.milliseconds
        FROM (
            SELECT entity_id, day,
                (1000 * sum(extract(epoch FROM least(until, day + 1) - greatest(since, day))))::bigint AS milliseconds
            FROM (
                SELECT entity_id, lower(present) AT TIME ZONE 'UTC' AS since, upper(present) AT TIME ZONE 'UTC' AS until
                FROM ({presence}) AS presence
            ) AS presence,
            {days}
            GROUP BY entity_id, day
        ) AS daily
        JOIN usage_entity AS entity ON entity.id = daily.entity_id"""
    ).format(presence=presence(scope), days=_DAYS)


def number_of_days(scope: Scope) -> sql.Composed:
    """The days on which each user was logged in can be counted without merging and adding up."""
    return sql.SQL(
        """SELECT count(*) FROM (
            SELECT DISTINCT entity_id, day
            FROM (
                SELECT entity_id, since AT TIME ZONE 'UTC' AS since, until AT TIME ZONE 'UTC' AS until
                FROM ({sessions}) AS session WHERE since < until
            ) AS session,
            {days}
        ) AS daily"""
    ).format(sessions=sessions_inside(scope), days=_DAYS)


REPORT_TYPE = ReportType(
    slug="user-hours",
    title="User Hour Usage",
    description="how long each user was logged in, each day",
    place=5,
    columns=(
        Column("User", Kind.TEXT, '"user"', distinct="user_id"),
        Column("Date", Kind.DATE, "day"),
        Column("Duration", Kind.DURATION, "milliseconds"),
    ),
    source=daily_hours,
    order_by=('"user"', "day"),
    key=("User", "Date"),
    is_costly=True,
    count=number_of_days,
)
