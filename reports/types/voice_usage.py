"""Voice Usage: every call with its rate and cost."""

from psycopg import sql

from reports.engine.report_type import Column, Count, Kind, ReportType, Scope


def calls(scope: Scope) -> sql.Composed:
    """The calls that started in the range; what rating fills is NULL for an unrated one, which is listed all the same.

    A usage group is shown under the name that the sheet in force at the call's start knows it by, else by its code. An
    unrated call may have such a sheet; it is not named as if it had priced the call.
    """
    start, end = scope.range.period
    return sql.SQL(
        """SELECT call.*, coalesce(usage_group.display_name, call.usage_group) AS usage_group_display,
            CASE WHEN call.rate_per_minute IS NOT NULL THEN rate_sheet.name END AS rate_sheet
        FROM usage_call AS call
        LEFT JOIN billing_ratesheetversion AS version ON version.id = call.rate_sheet_version_id
        LEFT JOIN billing_ratesheet AS rate_sheet ON rate_sheet.id = version.rate_sheet_id
        LEFT JOIN billing_usagegroup AS usage_group
            ON usage_group.version_id = call.rate_sheet_version_id AND usage_group.code = call.usage_group
        WHERE call.account_id = {account} AND call.started_at >= {start} AND call.started_at < {end}"""
    ).format(
        account=sql.Literal(scope.account_id),
        start=sql.Literal(start),
        end=sql.Literal(end),
    )


# Whole ten thousandths, half up, are reckoned in a fraction of the time of a division of decimals.
_MINUTES = "(adjusted_seconds * 500 + 1) / 3 * 0.0001"

REPORT_TYPE = ReportType(
    slug="voice-usage",
    title="Voice Usage",
    description="every call with its rate and cost",
    place=4,
    columns=(
        Column("SIP Call Id", Kind.TEXT, "sip_call_id"),
        Column("Origin", Kind.TEXT, "origin"),
        Column("Destination", Kind.TEXT, "destination"),
        Column("Usage Group", Kind.TEXT, "usage_group"),
        Column("Usage Group Display", Kind.TEXT, "usage_group_display"),
        Column("Call Type", Kind.TEXT, "call_type"),
        Column("Direction", Kind.TEXT, "direction"),
        Column("Start time", Kind.INSTANT, "started_at"),
        Column("End Time", Kind.INSTANT, "ended_at"),
        Column("Duration (Seconds)", Kind.INTEGER, "duration_seconds", unit="seconds"),
        Column("Adjusted Duration (seconds)", Kind.INTEGER, "adjusted_seconds", unit="seconds"),
        Column(
            "Adjusted Duration (minutes)",
            Kind.DECIMAL,
            _MINUTES,
            decimals=(1, 4),
            is_rounded=True,
            unit="minutes",
        ),
        Column("Usage Rate Per Minute", Kind.DECIMAL, "rate_per_minute", (1, 6), is_rounded=True, per="Currency"),
        Column("Total cost", Kind.DECIMAL, "cost", (4, 4), is_rounded=True, per="Currency"),
        Column("Currency", Kind.TEXT, "currency"),
        Column("Rate Sheet", Kind.TEXT, "rate_sheet"),
    ),
    source=calls,
    order_by=("started_at", "sip_call_id"),
    key=("SIP Call Id",),
    counts=(Count("Calls unrated", "rate_per_minute IS NULL"),),
)
