"""Who was logged in when: the presence of users, merged from their login sessions, as SQL.

To sum time and to count people at an instant, a user's overlapping or touching sessions are merged first: a user with
two browsers open is one user. A session still open counts up to the end of the last day with data; a session that
reaches over an edge of the period counts for the part inside. Devices are nobody.
"""

from psycopg import sql

from reports.engine.report_type import Scope

# SQL over `login_session`: which sessions count.
EVERY_SESSION = "true"


def sessions_inside(scope: Scope, *, condition: str = EVERY_SESSION) -> sql.Composed:
    """Rows of `entity_id`, `charge_id`, `since` and `until`: the users' sessions that reach into the range, cut to it.

    A login that ended at once has `since` equal to `until`. `condition` is SQL over `login_session`.
    """
    start, end = scope.range.period
    return sql.SQL(
        """SELECT login_session.entity_id, login_session.charge_id,
            greatest(login_session.started_at, {start}) AS since,
            least(coalesce(login_session.ended_at, {open_until}), {end}) AS until
        FROM usage_loginsession AS login_session
        JOIN usage_entity AS entity ON entity.id = login_session.entity_id AND entity.kind = 'user'
        WHERE login_session.account_id = {account}
            AND login_session.started_at < {end}
            AND (login_session.ended_at > {start} OR login_session.ended_at IS NULL)
            AND {condition}"""
    ).format(
        start=sql.Literal(start),
        end=sql.Literal(end),
        open_until=sql.Literal(scope.open_until),
        account=sql.Literal(scope.account_id),
        condition=sql.SQL(condition),
    )


def presence(scope: Scope, *, of: str = "entity_id", condition: str = EVERY_SESSION) -> sql.Composed:
    """Rows of `of` and `present`, a range of instants: when each of them was logged in, cut to the range.

    `of` are columns of `sessions_inside`; the sessions that have them in common are merged with each other.
    """
    return sql.SQL(
        "SELECT {of}, unnest(range_agg(tstzrange(since, until))) AS present FROM ({sessions}) AS session GROUP BY {of}"
    ).format(of=sql.SQL(of), sessions=sessions_inside(scope, condition=condition))


def levels(scope: Scope, *, condition: str = EVERY_SESSION) -> sql.Composed:
    """Rows of `day`, `users` and `time`: for how long of each day of the range how many users were logged in at once.

    Every midnight is an event that changes nothing, so that no stretch reaches over one, and an empty day has its row.
    Events of one instant are peers: the running sum is the same for all of them, and all but the last take no time.
    """
    start, end = scope.range.period
    return sql.SQL(
        """WITH presence AS ({presence}),
        events (at, change) AS (
            SELECT lower(present), 1 FROM presence
            UNION ALL SELECT upper(present), -1 FROM presence
            UNION ALL SELECT {start} + day * interval '24 hours', 0 FROM generate_series(0, {days}) AS day
        ),
        stretches AS (
            SELECT at, sum(change) OVER instants AS users, lead(at) OVER instants - at AS time
            FROM events WINDOW instants AS (ORDER BY at)
        )
        SELECT (at AT TIME ZONE 'UTC')::date AS day, users, sum(time) AS time
        FROM stretches WHERE at < {end} GROUP BY day, users"""
    ).format(
        presence=presence(scope, condition=condition),
        start=sql.Literal(start),
        end=sql.Literal(end),
        days=sql.Literal(scope.range.days),
    )
