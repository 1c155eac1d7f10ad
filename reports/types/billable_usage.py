"""Billable Usage: who was billed, under which charge, since when in each billing cycle."""

from psycopg import sql

from billing.cycles import midnight
from reports.engine.report_type import ColumnKind, DistinctCount, ReportColumn, ReportType, Scope


def first_billable_logins(scope: Scope) -> sql.Composed:
    """Return a SELECT of each entity with a billable login in the range, by charge and cycle, with its first login.

    A login is a session's start. An entity that logged in only before the range is not listed. One that logged in
    inside it is, with its first login of the whole cycle, even if that was before the range.

    `place` orders charges and entities by name: one number compares much faster than two texts.
    """
    start, end = scope.range.period
    return sql.SQL(
        """
        SELECT charge.name AS charge, entity.identifier AS entity, entity.id AS entity_id, first_login.at,
            (charge.place << 32) + entity.place AS place
        FROM (
            SELECT charge_id, entity_id, min(started_at) AS at
            FROM usage_loginsession
            WHERE account_id = {account} AND billable AND started_at >= {cycles}[1] AND started_at < {end}
            GROUP BY charge_id, entity_id, width_bucket(started_at, {cycles})
            HAVING max(started_at) >= {start}
        ) AS first_login
        JOIN (
            SELECT id, name, row_number() OVER (ORDER BY name) AS place FROM billing_charge
        ) AS charge ON charge.id = first_login.charge_id
        JOIN (
            SELECT id, identifier, row_number() OVER (ORDER BY identifier) AS place
            FROM usage_entity WHERE account_id = {account}
        ) AS entity ON entity.id = first_login.entity_id
        """
    ).format(
        account=sql.Literal(scope.account_id),
        cycles=sql.SQL("({})").format(sql.Literal([midnight(cycle.first_day) for cycle in scope.cycles])),
        start=sql.Literal(start),
        end=sql.Literal(end),
    )


REPORT_TYPE = ReportType(
    slug="billable-usage",
    title="Billable Usage",
    description="who was billed: each user or device, per licence, with the first billable login",
    place=1,
    columns=(
        ReportColumn("Charge Name", ColumnKind.TEXT, "charge"),
        ReportColumn(
            "Entity", ColumnKind.TEXT, "entity", distinct=DistinctCount("Distinct users and devices", "entity_id")
        ),
        ReportColumn("Timestamp", ColumnKind.INSTANT, "at"),
    ),
    source=first_billable_logins,
    order_by=("charge", "entity", "at"),
    sorted_by=("place", "at"),
    key=("Charge Name", "Entity"),
    key_cycle="Timestamp",
    is_costly=True,
)
