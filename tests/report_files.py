"""The files of reports, written inside the transaction of the test."""

import csv
import io
from collections.abc import Callable
from datetime import date

from django.db import connection

from billing.cycles import DateRange
from billing.models import Subscription
from reports import formats, types
from reports.engine.report_type import Scope
from reports.engine.write import WrittenReport, scope_of, write_report
from tests.acme import CYCLE_SO_FAR, TODAY


def ignore(_rows: int) -> None:
    """Ignore the progress of a report."""


def make_scope(subscription: Subscription, days: str, *, today: str = "2027-01-01") -> Scope:
    """Return a scope; `days` is `2026-03-01..2026-03-31` or a single day."""
    date_from, _, date_through = days.partition("..")
    date_range = DateRange(date.fromisoformat(date_from), date.fromisoformat(date_through or date_from))
    return scope_of(subscription, date_range, date.fromisoformat(today))


def write(
    slug: str, scope: Scope, progress: Callable[[int], None] = ignore, *, file_format: str = "csv"
) -> tuple[bytes, WrittenReport]:
    """Return the bytes of a report and the counts made while writing them."""
    target = io.BytesIO()
    written = write_report(
        connection,
        report_type=types.by_slug(slug),
        scope=scope,
        format=formats.by_slug(file_format),
        target=target,
        on_progress=progress,
    )
    return target.getvalue(), written


def report(slug: str, subscription: Subscription, days: str, *, today: str = "2027-01-01") -> list[str]:
    """Return the lines of the CSV of a report."""
    content, _written = write(slug, make_scope(subscription, days, today=today))
    assert content.endswith(b"\n")
    return content.decode().removesuffix("\n").split("\n")


def report_file(slug: str, subscription: Subscription, days: DateRange = CYCLE_SO_FAR, today: date = TODAY) -> bytes:
    """Return the bytes of a report, over the cycle of `tests.acme` by default."""
    content, _written = write(slug, scope_of(subscription, days, today))
    return content


def report_rows(slug: str, subscription: Subscription, days: DateRange = CYCLE_SO_FAR) -> list[dict[str, str]]:
    """Return the rows of a report by the headings of its columns."""
    return list(csv.DictReader(io.StringIO(report_file(slug, subscription, days).decode())))
