"""A report that takes its time: rows come one by one, so that a test can strike while some are there."""

from psycopg import sql

from reports.report_type import Column, Kind, ReportType

ROWS = 60
SECONDS_PER_ROW = 0.05

REPORT_TYPE = ReportType(
    slug="slow-report",
    title="Slow Report",
    description="rows that come one by one",
    columns=(
        # Text: to add numbers up would take as long.
        Column("Number", Kind.TEXT, f"number::text || pg_sleep({SECONDS_PER_ROW})::text"),
        # The database sends what fills a block.
        Column("Filling", Kind.TEXT, "repeat('x', 10000)"),
    ),
    source=lambda scope: sql.SQL("SELECT number FROM generate_series(1, {}) AS number").format(ROWS),
    order_by=("number",),
)
