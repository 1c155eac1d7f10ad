"""The yardsticks of reports: psql's \\copy, and stock django-import-export."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path
from time import perf_counter

from django.db import connection
from django.db.models import DecimalField, F, Func, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.resources import ModelResource
from import_export.widgets import DateTimeWidget
from psycopg import sql

from benchmarks.reports_world import Customer
from billing.cycles import DateRange
from billing.models import UsageGroup
from config.embedded.binaries import postgres_programs
from reports.engine.write import WORK_MEM
from usage.models import Call


def copy_seconds(statement: sql.Composable, path: Path) -> float:
    """Return the seconds that psql takes, from its start, to \\copy a SELECT into a CSV file with a header."""
    place = connection.settings_dict
    # A backslash command ends with its line.
    select = " ".join(statement.as_string(connection.connection).split("\n"))
    beside = postgres_programs() / "psql"
    command = [
        *(str(beside) if beside.exists() else str(shutil.which("psql")), "--no-psqlrc", "--quiet"),
        *("--host", str(place["HOST"]), "--port", str(place["PORT"]), "--username", str(place["USER"])),
        *("--dbname", str(place["NAME"]), "--command", f"\\copy ({select}) TO '{path}' (FORMAT csv, HEADER)"),
    ]
    # As much memory for sorting as a report has.
    environment = os.environ | {"PGOPTIONS": f"-c work_mem={WORK_MEM}", "PGCLIENTENCODING": "UTF8"}
    start = perf_counter()
    subprocess.run(command, env=environment, check=True)
    return perf_counter() - start


_widget = partial(DateTimeWidget, "%Y-%m-%dT%H:%M:%SZ")


class StockVoiceUsage(ModelResource):  # type: ignore[misc]  # the package has no types
    """The package's own export of the report's columns; the database computes those that are not stored."""

    sip_call_id = Field("sip_call_id", "SIP Call Id")
    origin = Field("origin", "Origin")
    destination = Field("destination", "Destination")
    usage_group = Field("usage_group", "Usage Group")
    usage_group_display = Field("usage_group_display", "Usage Group Display")
    call_type = Field("call_type", "Call Type")
    direction = Field("direction", "Direction")
    started_at = Field("started_at", "Start time", widget=_widget())
    ended_at = Field("ended_at", "End Time", widget=_widget())
    duration_seconds = Field("duration_seconds", "Duration (Seconds)")
    adjusted_seconds = Field("adjusted_seconds", "Adjusted Duration (seconds)")
    adjusted_minutes = Field("adjusted_minutes", "Adjusted Duration (minutes)")
    rate_per_minute = Field("rate_per_minute", "Usage Rate Per Minute")
    cost = Field("cost", "Total cost")
    currency = Field("currency", "Currency")
    rate_sheet = Field("rate_sheet", "Rate Sheet")

    class Meta:
        model = Call
        fields = (
            *("sip_call_id", "origin", "destination", "usage_group", "usage_group_display", "call_type", "direction"),
            *("started_at", "ended_at", "duration_seconds", "adjusted_seconds", "adjusted_minutes", "rate_per_minute"),
            *("cost", "currency", "rate_sheet"),
        )
        chunk_size = 2000


def stock_seconds(customer: Customer, days: DateRange, *, rows: int, workbook: bool, path: Path) -> float:
    """Return the seconds that the package takes to export the first calls of the days into a file."""
    start = perf_counter()
    dataset = StockVoiceUsage().export(_calls(customer, days)[:rows])
    # Without fitting column widths, which would look at every cell again.
    content = XLSX().export_data(dataset, column_width=None) if workbook else CSV().export_data(dataset)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    seconds = perf_counter() - start
    if len(dataset) != rows:
        raise RuntimeError(f"{len(dataset)} rows")
    return seconds


def _calls(customer: Customer, days: DateRange) -> QuerySet[Call]:
    """Return the report's rows in its order, in one query, without unused columns."""
    minutes = Func(
        F("adjusted_seconds"), template="round(%(expressions)s / 60.0, 4)",
        output_field=DecimalField(max_digits=20, decimal_places=4),
    )  # fmt: skip
    group = UsageGroup.objects.filter(version=OuterRef("rate_sheet_version"), code=OuterRef("usage_group"))
    stored = [field for field in StockVoiceUsage.fields if field in {it.name for it in Call._meta.fields}]
    return (
        Call.objects.filter(account=customer.subscription.account)
        .started_within(days.period)
        .order_by("started_at", "sip_call_id")
        .only(*stored)
        .annotate(
            usage_group_display=Coalesce(Subquery(group.values("display_name")), F("usage_group")),
            adjusted_minutes=minutes,
            rate_sheet=F("rate_sheet_version__rate_sheet__name"),
        )
    )
