"""Reports in tests: asked for in one line, answered as text."""

import io
from collections.abc import Callable
from datetime import date

from django.db import connection

from billing.cycles import DateRange
from billing.models import Subscription
from reports import formats, types
from reports.generation import Written, scope_of, write_report
from reports.report_type import Scope


def ignore(_rows: int) -> None:
    """Progress that nobody waits for."""


def make_scope(subscription: Subscription, days: str, *, today: str = "2027-01-01") -> Scope:
    """`2026-03-01..2026-03-31`, or a single day, as seen on a day."""
    date_from, _, date_through = days.partition("..")
    date_range = DateRange(date.fromisoformat(date_from), date.fromisoformat(date_through or date_from))
    return scope_of(subscription, date_range, date.fromisoformat(today))


def write(
    slug: str, scope: Scope, progress: Callable[[int], None] = ignore, *, file_format: str = "csv"
) -> tuple[bytes, Written]:
    """A report's file, and what was said about it."""
    target = io.BytesIO()
    written = write_report(
        connection,
        report_type=types.by_slug(slug),
        scope=scope,
        format=formats.by_slug(file_format),
        target=target,
        progress=progress,
    )
    return target.getvalue(), written


def report(slug: str, subscription: Subscription, days: str, *, today: str = "2027-01-01") -> list[str]:
    """The lines of a report's CSV."""
    content, _written = write(slug, make_scope(subscription, days, today=today))
    assert content.endswith(b"\n")
    return content.decode().removesuffix("\n").split("\n")
