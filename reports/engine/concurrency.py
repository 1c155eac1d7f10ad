"""Who was logged in when: users' login sessions, merged, as SQL.

To sum time and to count users at an instant, a user's overlapping or touching sessions are merged first: a user with
two browsers open is one user. A session still open counts up to the end of the last day with data. A session that
crosses an edge of the range counts for the part inside. Devices do not count.
"""

from psycopg import sql

from reports.engine.report_type import Scope

# SQL over `login_session`: which sessions count.
EVERY_SESSION = "true"


def sessions_inside(scope: Scope, *, condition: str = EVERY_SESSION) -> sql.Composed:
    """Return a SELECT of the users' sessions that overlap the range, cut to it.

    Its columns are `entity_id`, `charge_id`, `since` and `until`. A login that ended at once has `since` equal to
    `until`. `condition` is SQL over `login_session`.
    """
    start, end = scope.range.period
    return sql.SQL(
        """
        SELECT
            login_session.entity_id,
            login_session.charge_id,
            greatest(login_session.started_at, {start}) AS since,
            least(coalesce(login_session.ended_at, {open_sessions_end_at}), {end}) AS until
        FROM usage_loginsession AS login_session
        JOIN usage_entity AS entity ON entity.id = login_session.entity_id AND entity.kind = 'user'
        WHERE login_session.account_id = {account}
            AND login_session.started_at < {end}
            AND (login_session.ended_at > {start} OR login_session.ended_at IS NULL)
            AND {condition}
        """
    ).format(
        start=sql.Literal(start),
        end=sql.Literal(end),
        open_sessions_end_at=sql.Literal(scope.open_sessions_end_at),
        account=sql.Literal(scope.account_id),
        condition=sql.SQL(condition),
    )


def merged_sessions(scope: Scope, *, of: str = "entity_id", condition: str = EVERY_SESSION) -> sql.Composed:
    """Return a SELECT of merged sessions: `period`, a range of instants inside the scope's days, and the columns `of`.

    `of` names columns of `sessions_inside`. Sessions that agree in all of them are merged with each other.
    """
    return sql.SQL(
        """
        SELECT {of}, unnest(range_agg(tstzrange(since, until))) AS period
        FROM ({sessions}) AS session
        GROUP BY {of}
        """
    ).format(of=sql.SQL(of), sessions=sessions_inside(scope, condition=condition))


def concurrency_levels(scope: Scope, *, condition: str = EVERY_SESSION) -> sql.Composed:
    """Return a SELECT of `day`, `users` and `time`: how long each number of users was logged in at once, by day.

    Every midnight is an event that changes no number, so that no stretch crosses one and a day without logins has its
    row. Events at the same instant are peers: all of them get the same running sum, and all but the last take no time.
    """
    start, end = scope.range.period
    return sql.SQL(
        """
        WITH merged_session AS ({merged_sessions}),
        events (at, change) AS (
            SELECT lower(period), 1 FROM merged_session
            UNION ALL SELECT upper(period), -1 FROM merged_session
            UNION ALL SELECT {start} + day * interval '24 hours', 0 FROM generate_series(0, {days}) AS day
        ),
        stretches AS (
            SELECT at, sum(change) OVER instants AS users, lead(at) OVER instants - at AS time
            FROM events WINDOW instants AS (ORDER BY at)
        )
        SELECT (at AT TIME ZONE 'UTC')::date AS day, users, sum(time) AS time
        FROM stretches
        WHERE at < {end}
        GROUP BY day, users
        """
    ).format(
        merged_sessions=merged_sessions(scope, condition=condition),
        start=sql.Literal(start),
        end=sql.Literal(end),
        days=sql.Literal(scope.range.days),
    )
