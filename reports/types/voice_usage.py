"""Voice Usage: every call with its rate and cost."""

from psycopg import sql

from reports.engine.report_type import ColumnKind, ReportColumn, ReportType, RowCount, Scope


def calls(scope: Scope) -> sql.Composed:
    """Return a SELECT of the calls that started in the range, unrated ones included.

    The columns that rating fills are NULL for an unrated call. A usage group has the name that the rate sheet in force
    at the call's start gives it, else its code. That sheet's own name is NULL for an unrated call, which it did not
    price.
    """
    start, end = scope.range.period
    return sql.SQL(
        """
        SELECT call.*, coalesce(usage_group.display_name, call.usage_group) AS usage_group_display,
            CASE WHEN call.rate_per_minute IS NOT NULL THEN rate_sheet.name END AS rate_sheet
        FROM usage_call AS call
        LEFT JOIN billing_ratesheetversion AS version ON version.id = call.rate_sheet_version_id
        LEFT JOIN billing_ratesheet AS rate_sheet ON rate_sheet.id = version.rate_sheet_id
        LEFT JOIN billing_usagegroup AS usage_group
            ON usage_group.version_id = call.rate_sheet_version_id AND usage_group.code = call.usage_group
        WHERE call.account_id = {account} AND call.started_at >= {start} AND call.started_at < {end}
        """
    ).format(
        account=sql.Literal(scope.account_id),
        start=sql.Literal(start),
        end=sql.Literal(end),
    )


# Rounds half up to whole ten-thousandths with integers, which takes a fraction of the time of dividing decimals.
_MINUTES = "(adjusted_seconds * 500 + 1) / 3 * 0.0001"

REPORT_TYPE = ReportType(
    slug="voice-usage",
    title="Voice Usage",
    description="every call with its rate and cost",
    place=4,
    columns=(
        ReportColumn("SIP Call Id", ColumnKind.TEXT, "sip_call_id"),
        ReportColumn("Origin", ColumnKind.TEXT, "origin"),
        ReportColumn("Destination", ColumnKind.TEXT, "destination"),
        ReportColumn("Usage Group", ColumnKind.TEXT, "usage_group"),
        ReportColumn("Usage Group Display", ColumnKind.TEXT, "usage_group_display"),
        ReportColumn("Call Type", ColumnKind.TEXT, "call_type"),
        ReportColumn("Direction", ColumnKind.TEXT, "direction"),
        ReportColumn("Start time", ColumnKind.INSTANT, "started_at"),
        ReportColumn("End Time", ColumnKind.INSTANT, "ended_at"),
        ReportColumn("Duration (Seconds)", ColumnKind.INTEGER, "duration_seconds", unit="seconds"),
        ReportColumn("Adjusted Duration (seconds)", ColumnKind.INTEGER, "adjusted_seconds", unit="seconds"),
        ReportColumn(
            "Adjusted Duration (minutes)",
            ColumnKind.DECIMAL,
            _MINUTES,
            decimals=(1, 4),
            is_rounded=True,
            unit="minutes",
        ),
        ReportColumn(
            "Usage Rate Per Minute",
            ColumnKind.DECIMAL,
            "rate_per_minute",
            decimals=(1, 6),
            is_rounded=True,
            is_additive=False,
        ),
        ReportColumn("Total cost", ColumnKind.DECIMAL, "cost", (4, 4), is_rounded=True, per="Currency"),
        ReportColumn("Currency", ColumnKind.TEXT, "currency"),
        ReportColumn("Rate Sheet", ColumnKind.TEXT, "rate_sheet"),
    ),
    source=calls,
    order_by=("started_at", "sip_call_id"),
    key=("SIP Call Id",),
    counts=(RowCount("Calls unrated", "rate_per_minute IS NULL"),),
)
