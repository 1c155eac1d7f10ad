"""The billable peak of a billing cycle: how many concurrent licences it bills."""

from typing import cast

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from reports.engine.concurrency import levels
from reports.engine.report_type import Scope

# Shift changes, when two shifts are logged in for a while, are not billed.
LEAST_MINUTES = 30
OF_CONCURRENT_CHARGES = "login_session.charge_id IN (SELECT id FROM billing_charge WHERE basis = 'concurrent')"


def billable_peak(connection: BaseDatabaseWrapper, scope: Scope) -> int:
    """The greatest number of users so that at least so many were logged in for 30 minutes of the range, added up.

    Users of concurrent charges alone count. The range is a cycle, or as much of it as there is data for. The published
    example: 500 users for 31 minutes and 503 for 6 minutes bill as 500.
    """
    statement = sql.SQL(
        """WITH levels AS ({levels}),
        reached AS (SELECT users, sum(sum(time)) OVER (ORDER BY users DESC) AS time FROM levels GROUP BY users)
        SELECT coalesce(max(users), 0) FROM reached WHERE time >= make_interval(mins => {least})"""
    ).format(levels=levels(scope, condition=OF_CONCURRENT_CHARGES), least=sql.Literal(LEAST_MINUTES))
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
        return cast("int", cursor.fetchone()[0])
