"""The billable peak of a billing cycle: how many concurrent licences it bills."""

from typing import cast

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from reports.engine.concurrency import concurrency_levels
from reports.engine.report_type import Scope

# A number of users reached for less than this is not billed: at a shift change, two shifts are logged in at once.
LEAST_MINUTES = 30
OF_CONCURRENT_CHARGES = "login_session.charge_id IN (SELECT id FROM billing_charge WHERE basis = 'concurrent')"


def billable_peak(connection: BaseDatabaseWrapper, scope: Scope) -> int:
    """Return the greatest number such that at least as many users were logged in for 30 minutes of the range in total.

    Only users of concurrent charges count. The range is a cycle, or the part of it that has data. The published
    example: 500 users for 31 minutes and 503 for 6 minutes bill as 500.
    """
    statement = sql.SQL(
        """
        WITH concurrency_level AS ({concurrency_levels}),
        reached AS (
            SELECT users, sum(sum(time)) OVER (ORDER BY users DESC) AS time FROM concurrency_level GROUP BY users
        )
        SELECT coalesce(max(users), 0) FROM reached WHERE time >= make_interval(mins => {least_minutes})
        """
    ).format(
        concurrency_levels=concurrency_levels(scope, condition=OF_CONCURRENT_CHARGES),
        least_minutes=sql.Literal(LEAST_MINUTES),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
        return cast("int", cursor.fetchone()[0])
