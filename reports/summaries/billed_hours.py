"""The billed hours of a billing cycle, per hourly charge."""

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from reports.engine.concurrency import merged_sessions
from reports.engine.report_type import Scope

BILLABLE_BY_THE_HOUR = (
    "login_session.billable AND login_session.charge_id IN (SELECT id FROM billing_charge WHERE basis = 'hourly')"
)


def billed_hours(connection: BaseDatabaseWrapper, scope: Scope) -> dict[str, int]:
    """Return whole hours by the name of each hourly charge under which a user spent billable time in the range.

    Each user's sessions under a charge are merged, the time of all users is summed up, and the sum is rounded up to
    whole hours: 112.23 and 110.11 hours bill as 223. The range is a cycle, or the part of it that has data.
    """
    statement = sql.SQL(
        """
        SELECT charge.name, ceil(extract(epoch FROM sum(upper(period) - lower(period))) / 3600)::bigint
        FROM ({merged_sessions}) AS merged_session
        JOIN billing_charge AS charge ON charge.id = merged_session.charge_id
        GROUP BY charge.name
        ORDER BY charge.name
        """
    ).format(merged_sessions=merged_sessions(scope, of="charge_id, entity_id", condition=BILLABLE_BY_THE_HOUR))
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
        return dict(cursor.fetchall())
