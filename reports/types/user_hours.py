"""User Hour Usage: how long each user was logged in, each day."""

from psycopg import sql

from reports.engine.concurrency import sessions_inside
from reports.engine.report_type import Column, Kind, ReportType, Scope

# The days that a stretch of time from `since` until `until` (UTC) has a part of; midnight ends a day, and begins none.
_DAYS = sql.SQL("since::date + generate_series(0, (until - interval '1 microsecond')::date - since::date) AS day")


def daily_hours(scope: Scope) -> sql.Composed:
    """Each user logged in on a day, for each day of the range, and for how long; midnight splits what crosses it.

    `place` is the user's among all of the account, in the order of their identifiers. By these numbers the sessions are
    sorted once, and remain so; whole milliseconds are exact in a double for longer than there are calendars.
    """
    return sql.SQL(
        """WITH users AS MATERIALIZED (
            SELECT id, identifier, row_number() OVER (ORDER BY identifier) AS place
            FROM usage_entity WHERE account_id = {account} AND kind = 'user'
        )
        SELECT users.identifier AS user, users.id AS user_id, users.place, daily.day, daily.milliseconds
        FROM (
            SELECT place, day,
                (1000 * date_part('epoch', sum(least(until, day + 1) - greatest(since, day))))::bigint AS milliseconds
            FROM (
                SELECT place, since, until, {days}
                FROM (
                    SELECT place, lower(present) AT TIME ZONE 'UTC' AS since, upper(present) AT TIME ZONE 'UTC' AS until
                    FROM (
                        SELECT users.place, unnest(range_agg(tstzrange(since, until))) AS present
                        FROM ({sessions}) AS session JOIN users ON users.id = session.entity_id
                        GROUP BY users.place
                    ) AS presence
                ) AS presence
                ORDER BY place, day
            ) AS part
            GROUP BY place, day
        ) AS daily
        JOIN users USING (place)
        ORDER BY place, day"""
    ).format(account=sql.Literal(scope.account_id), days=_DAYS, sessions=sessions_inside(scope))


def number_of_days(scope: Scope) -> sql.Composed:
    """The days on which each user was logged in can be counted without merging and adding up."""
    return sql.SQL(
        """SELECT count(*) FROM (
            SELECT DISTINCT entity_id, {days}
            FROM (
                SELECT entity_id, since AT TIME ZONE 'UTC' AS since, until AT TIME ZONE 'UTC' AS until
                FROM ({sessions}) AS session WHERE since < until
            ) AS session
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
    sorted_by=("place", "day"),
    key=("User", "Date"),
    is_costly=True,
    count=number_of_days,
)
