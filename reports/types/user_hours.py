"""User Hour Usage: how long each user was logged in, each day."""

from psycopg import sql

from reports.engine.concurrency import sessions_inside
from reports.engine.report_type import ColumnKind, DistinctCount, ReportColumn, ReportType, Scope

# The days (UTC) that the time from `since` until `until` overlaps. A session that ends at midnight has no part of the
# day that begins there.
_DAYS = sql.SQL("since::date + generate_series(0, (until - interval '1 microsecond')::date - since::date) AS day")


def daily_hours(scope: Scope) -> sql.Composed:
    """Return a SELECT of each user and each day of the range on which the user was logged in, with the milliseconds.

    Midnight splits the sessions that cross it. `place` is the user's rank among all users of the account, ordered by
    identifier: sessions are sorted by this number once, and stay sorted. Whole milliseconds are exact as doubles.
    """
    return sql.SQL(
        """
        WITH users AS MATERIALIZED (
            SELECT id, identifier, row_number() OVER (ORDER BY identifier) AS place
            FROM usage_entity WHERE account_id = {account} AND kind = 'user'
        ),
        merged_session AS (
            SELECT users.place, unnest(range_agg(tstzrange(since, until))) AS period
            FROM ({sessions}) AS session JOIN users ON users.id = session.entity_id
            GROUP BY users.place
        ),
        merged_session_in_utc AS (
            SELECT place, lower(period) AT TIME ZONE 'UTC' AS since, upper(period) AT TIME ZONE 'UTC' AS until
            FROM merged_session
        ),
        part_of_day AS (
            SELECT place, since, until, {days}
            FROM merged_session_in_utc
            ORDER BY place, day
        ),
        daily AS (
            SELECT place, day,
                (1000 * date_part('epoch', sum(least(until, day + 1) - greatest(since, day))))::bigint AS milliseconds
            FROM part_of_day
            GROUP BY place, day
        )
        SELECT users.identifier AS user, users.id AS user_id, users.place, daily.day, daily.milliseconds
        FROM daily
        JOIN users USING (place)
        ORDER BY place, day
        """
    ).format(account=sql.Literal(scope.account_id), days=_DAYS, sessions=sessions_inside(scope))


def number_of_days(scope: Scope) -> sql.Composed:
    """Return a SELECT of the number of rows: the days of each user can be counted without merging and summing."""
    return sql.SQL(
        """
        SELECT count(*) FROM (
            SELECT DISTINCT entity_id, {days}
            FROM (
                SELECT entity_id, since AT TIME ZONE 'UTC' AS since, until AT TIME ZONE 'UTC' AS until
                FROM ({sessions}) AS session WHERE since < until
            ) AS session
        ) AS daily
        """
    ).format(sessions=sessions_inside(scope), days=_DAYS)


REPORT_TYPE = ReportType(
    slug="user-hours",
    title="User Hour Usage",
    description="how long each user was logged in, each day",
    place=5,
    columns=(
        ReportColumn("User", ColumnKind.TEXT, '"user"', distinct=DistinctCount("Distinct users", "user_id")),
        ReportColumn("Date", ColumnKind.DATE, "day"),
        ReportColumn("Duration", ColumnKind.DURATION, "milliseconds"),
    ),
    source=daily_hours,
    order_by=('"user"', "day"),
    sorted_by=("place", "day"),
    key=("User", "Date"),
    is_costly=True,
    count=number_of_days,
)
