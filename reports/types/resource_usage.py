"""Resources Usage: how much of each resource was consumed on each day."""

from psycopg import sql

from reports.engine.report_type import ColumnKind, DistinctCount, ReportColumn, ReportType, Scope


def daily_quantities(scope: Scope) -> sql.Composed:
    """Return a SELECT of each resource on each day of the range for which it has a quantity, including 0."""
    return sql.SQL(
        """
        SELECT resource_usage.used_on, resource.id AS resource_id, resource.name AS resource,
            resource_usage.quantity, resource.unit
        FROM usage_resourceusage AS resource_usage
        JOIN usage_resource AS resource ON resource.id = resource_usage.resource_id
        WHERE resource_usage.account_id = {account}
            AND resource_usage.used_on BETWEEN {date_from} AND {date_through}
        """
    ).format(
        account=sql.Literal(scope.account_id),
        date_from=sql.Literal(scope.range.date_from),
        date_through=sql.Literal(scope.range.date_through),
    )


REPORT_TYPE = ReportType(
    slug="resource-usage",
    title="Resources Usage",
    description="IVR minutes, storage, SMS, API requests, BYOC: what was consumed each day",
    place=3,
    columns=(
        ReportColumn("Date", ColumnKind.DATE, "used_on"),
        ReportColumn(
            "Resource", ColumnKind.TEXT, "resource", distinct=DistinctCount("Distinct resources", "resource_id")
        ),
        ReportColumn("Quantity", ColumnKind.DECIMAL, "quantity", per="Resource"),
        ReportColumn("Unit", ColumnKind.TEXT, "unit"),
    ),
    source=daily_quantities,
    order_by=("used_on", "resource"),
    key=("Date", "Resource"),
)
