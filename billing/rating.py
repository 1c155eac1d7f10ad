"""What a call costs: the arithmetic of voice rating, as SQL expressions over exact numbers (`integer`, `numeric`).

The database rates calls by the million in one statement, so the rule is written once, in its language. Each function
takes SQL expressions and returns one; none of them touches a table. No floating-point number takes part.
"""

from psycopg import sql

Expression = sql.Composable


def duration_seconds(started_at: Expression, ended_at: Expression) -> Expression:
    """Whole seconds between two instants; a started second counts."""
    return sql.SQL("ceil(extract(epoch FROM {} - {}))::bigint").format(ended_at, started_at)


def adjusted_seconds(duration: Expression, increment: Expression, minimum: Expression) -> Expression:
    """Whole seconds that are billed: the minimum as one block, then every started increment; a call of 0 s stays 0.

    Rounded up, as in the provider's published price table (55 s in increments of 6 are billed as 60 s).
    """
    return sql.SQL("CASE WHEN {d} = 0 THEN 0 ELSE {m} + (greatest({d} - {m}, 0) + {i} - 1) / {i} * {i} END").format(
        d=duration, i=increment, m=minimum
    )


def discounted_rate(rate_per_minute: Expression, percent: Expression) -> Expression:
    """The rate per minute less a percentage (NULL: none), rounded half up to six decimals."""
    return sql.SQL("round({} * (100 - coalesce({}, 0)) * 0.01, 6)").format(rate_per_minute, percent)


def total_cost(rate_per_minute: Expression, adjusted: Expression) -> Expression:
    """Rate x adjusted seconds / 60: multiplied first, rounded half up to four decimals, once.

    The divisor's ten decimals give the quotient at least as many: enough that no value is rounded twice across a half,
    since a rate has at most six decimals.
    """
    return sql.SQL("round({} * {} / 60.0000000000, 4)").format(rate_per_minute, adjusted)
