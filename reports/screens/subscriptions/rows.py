"""The rows behind the numbers: a report's rows in pages, and the rates that unrated calls need."""

from collections.abc import Sequence
from datetime import date
from typing import overload
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from psycopg import sql

from billing.cycles import NOTHING_YET, DateRange, RangeError
from billing.days import read_day
from billing.models import Subscription
from reports import types
from reports.engine.report_type import ColumnKind, ReportType, Scope
from reports.engine.write import expected_rows, scope_of, select
from reports.screens.access import screen, subscription_or_404
from reports.screens.subscriptions.numbers import missing_rates
from reports.screens.wording import cell_text

PER_PAGE = 50


class ReportRows(Sequence[list[tuple[ColumnKind, str]]]):
    """The rows of a report as a sequence for a Paginator: sliced by LIMIT and OFFSET, counted once."""

    def __init__(self, report_type: ReportType, scope: Scope) -> None:
        self.report_type = report_type
        self.scope = scope
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = expected_rows(connection, self.report_type, self.scope)
        return self._count

    @overload
    def __getitem__(self, part: int) -> list[tuple[ColumnKind, str]]: ...

    @overload
    def __getitem__(self, part: slice) -> list[list[tuple[ColumnKind, str]]]: ...

    def __getitem__(self, part: int | slice) -> list[tuple[ColumnKind, str]] | list[list[tuple[ColumnKind, str]]]:
        """Return the cells of one or several rows as pairs of kind and text."""
        if isinstance(part, int):
            return self[part : part + 1][0]
        statement = sql.SQL("{} LIMIT {} OFFSET {}").format(
            select(self.report_type, self.scope), sql.Literal(part.stop - part.start), sql.Literal(part.start)
        )
        columns = self.report_type.columns
        with connection.cursor() as cursor:
            cursor.execute(statement.as_string(cursor.connection))
            return [
                [(column.kind, cell_text(column, value)) for column, value in zip(columns, row, strict=True)]
                for row in cursor.fetchall()
            ]


@require_safe
def rows(request: HttpRequest, pk: int, report_type: str) -> HttpResponse:
    """Show the rows of a report over a range, a page at a time."""
    subscription = subscription_or_404(request, pk)
    try:
        shown = types.by_slug(report_type)
    except KeyError:
        raise Http404 from None
    days, scope, refusal = _asked(request, subscription)
    page: Page[list[tuple[ColumnKind, str]]] | None = None
    if scope is not None:
        page = Paginator(ReportRows(shown, scope), PER_PAGE).get_page(request.GET.get("page"))
    return screen(
        request,
        "rows.html",
        status=400 if refusal else 200,
        title=shown.title,
        subscription=subscription,
        report_type=shown,
        days=days,
        page=page,
        download_query=_download_query(shown, days),
        refusal=refusal,
    )


@require_safe
def missing(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the rates that the unrated calls of a range need, and the number of calls for each."""
    subscription = subscription_or_404(request, pk)
    days, scope, refusal = _asked(request, subscription)
    lacking = missing_rates(scope) if scope else []
    return screen(
        request,
        "missing_rates.html",
        status=400 if refusal else 200,
        title="Missing rates",
        subscription=subscription,
        days=days,
        missing=lacking,
        unrated=sum(rate.calls for rate in lacking),
        refusal=refusal,
    )


def _download_query(report_type: ReportType, days: DateRange | None) -> str:
    """Return the query string that fills in the form with this report."""
    if days is None:
        return ""
    chosen = {"date_from": days.date_from, "date_through": days.date_through, "report_type": report_type.slug}
    return f"?{urlencode({'range': 'custom', **chosen})}"


def _asked(request: HttpRequest, subscription: Subscription) -> tuple[DateRange | None, Scope | None, str]:
    """Return the range of the address (`from`, `through`) or the default one, its scope, or the error."""
    today = timezone.now().date()
    try:
        days = _days(request, subscription, today)
        return days, scope_of(subscription, days, today), ""
    except RangeError as error:
        return None, None, str(error)


def _days(request: HttpRequest, subscription: Subscription, today: date) -> DateRange:
    first, last = request.GET.get("from"), request.GET.get("through")
    if first and last:
        try:
            return DateRange(read_day(first), read_day(last))
        except ValueError as error:
            raise RangeError(str(error)) from None
    days = subscription.contract.default_range(today) if subscription.activation_date < today else None
    if days is None:
        raise RangeError(NOTHING_YET)
    return days
