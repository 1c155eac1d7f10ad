"""The arithmetic of voice rating, as SQL expressions over exact numbers (`integer`, `numeric`).

The database rates calls by the million in one statement, so the rule is written once, in SQL. Each function takes SQL
expressions and returns one, without touching any table. No floating-point number is involved.
"""

from psycopg import sql

Expression = sql.Composable


def duration_seconds(started_at: Expression, ended_at: Expression) -> Expression:
    """Return the whole seconds between two instants; a started second counts."""
    return sql.SQL("ceil(extract(epoch FROM {} - {}))::bigint").format(ended_at, started_at)


def adjusted_seconds(duration: Expression, increment: Expression, minimum: Expression) -> Expression:
    """Return the billed seconds: the minimum as one block, then every started increment. A call of 0 s stays 0.

    Rounded up, as in the provider's published price table (55 s in increments of 6 are billed as 60 s).
    """
    return sql.SQL("CASE WHEN {d} = 0 THEN 0 ELSE {m} + (greatest({d} - {m}, 0) + {i} - 1) / {i} * {i} END").format(
        d=duration, i=increment, m=minimum
    )


def discounted_rate(rate_per_minute: Expression, percent: Expression) -> Expression:
    """Return the rate per minute less a percentage (NULL: none), rounded half up to six decimals."""
    return sql.SQL("round({} * (100 - coalesce({}, 0)) * 0.01, 6)").format(rate_per_minute, percent)


def total_cost(rate_per_minute: Expression, adjusted: Expression) -> Expression:
    """Return rate x adjusted seconds / 60: multiplied first, then rounded half up to four decimals, once.

    The divisor's ten decimals give the quotient at least as many. Since a rate has at most six decimals, no value is
    rounded twice across a half.
    """
    return sql.SQL("round({} * {} / 60.0000000000, 4)").format(rate_per_minute, adjusted)
