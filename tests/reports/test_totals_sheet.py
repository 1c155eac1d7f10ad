"""The sheet with the control totals in a workbook, read back with two other libraries."""

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection

from reports import formats, types
from reports.engine.report_type import Scope
from reports.engine.write import WrittenReport, write_report
from reports.formats import xlsx
from tests.factories import instant, make_call, make_resource_usage, make_session, make_subscription, make_version
from tests.factories import make_entity as entity
from tests.report_files import ignore, make_scope
from tests.report_readers import read_sheets
from tests.reports.odd_usage import few_days
from usage.models import Resource

pytestmark = pytest.mark.django_db

HEADINGS = ["Total", "Amount", "Unit", "Of"]


def write(slug: str, scope: Scope, *, totals_sheet: bool = True) -> tuple[bytes, WrittenReport]:
    target = io.BytesIO()
    written = write_report(
        connection,
        report_type=types.by_slug(slug),
        scope=scope,
        format=formats.by_slug("xlsx"),
        target=target,
        on_progress=ignore,
        totals_sheet=totals_sheet,
    )
    return target.getvalue(), written


def totals_in(content: bytes) -> list[list[Any]]:
    """Return the rows of the totals sheet, which is the last one."""
    name, rows = list(read_sheets(content).items())[-1]
    assert name == "Totals"
    assert rows[0] == HEADINGS
    return rows[1:]


def cells_in(content: bytes) -> list[tuple[Any, ...]]:
    """Return the same as openpyxl reads it: each cell with its number format."""
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Totals"]
    return [tuple((cell.value, cell.number_format, cell.data_type) for cell in row) for row in sheet.iter_rows()]


@pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)
def test_the_sheet_holds_every_total_and_leaves_the_data_as_they_are(report_type: Any) -> None:
    scope = few_days()

    content, written = write(report_type.slug, scope)

    lines = list(written.totals.lines(report_type.columns))
    found = totals_in(content)
    assert [row[0] for row in found] == [line.name for line in lines]
    for row, line in zip(found, lines, strict=True):
        if isinstance(row[1], timedelta):
            assert row[1] / timedelta(milliseconds=1) == line.amount
        else:
            assert Decimal(str(row[1])) == line.amount
            assert (row[2], row[3]) == (line.unit, line.group)
    plain, _written = write(report_type.slug, scope, totals_sheet=False)
    assert list(read_sheets(plain)) == ["Data"]
    assert read_sheets(plain)["Data"] == read_sheets(content)["Data"]


def test_amounts_are_numbers_with_their_decimals_and_times_add_up_beyond_a_day() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    start = instant("2026-03-22T00:00")
    for _user in range(2):
        user = entity(account=subscription.account)
        make_session(entity=user, started_at=start, ended_at=start + timedelta(hours=20, milliseconds=1))
    rated: dict[str, Any] = {"rate_per_minute": "0.05", "cost": "1234.5000", "currency": "EUR", "adjusted_seconds": 60}
    make_call(account=subscription.account, started_at=start, rate_sheet_version=make_version(), **rated)
    scope = make_scope(subscription, "2026-03-22")

    hours = cells_in(write("user-hours", scope)[0])
    voice = {(row[0][0], row[3][0] or ""): row[1] for row in cells_in(write("voice-usage", scope)[0])}

    assert hours[2][0][0] == "Sum of Duration"
    assert hours[2][1] == (timedelta(hours=40, milliseconds=2), "[hh]:mm:ss.000", "d")
    assert voice["Sum of Total cost", "EUR"] == (1234.5, "0.0000", "n")
    assert voice["Rows", ""] == (1, "0", "n")


def test_the_name_of_a_resource_is_never_a_formula() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    for name in ("=1+1", "@cmd", "+14155550100", "plain"):
        resource = Resource.objects.create(name=name, unit="x")
        make_resource_usage(account=subscription.account, used_on=date(2026, 3, 22), resource=resource)

    content, _written = write("resource-usage", make_scope(subscription, "2026-03-22"))

    sums = [row for row in totals_in(content) if row[0] == "Sum of Quantity"]
    assert sorted(row[3] for row in sums) == ["'=1+1", "'@cmd", "+14155550100", "plain"]
    assert {cell[2] for row in cells_in(content) for cell in (row[0], row[3])} <= {"s", "inlineStr", "n"}
    assert not [row for row in cells_in(content) for cell in row if cell[2] == "f"]


def test_a_sum_that_a_spreadsheet_would_round_is_text() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    make_resource_usage(account=subscription.account, used_on=date(2026, 3, 22), quantity="12345678901234.567891")

    content, _written = write("resource-usage", make_scope(subscription, "2026-03-22"))

    assert next(row[1] for row in totals_in(content) if row[0] == "Sum of Quantity") == "12345678901234.567891"


@pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)
def test_no_rows_have_a_sheet_of_totals_too(report_type: Any) -> None:
    scope = make_scope(make_subscription(activation_date=date(2026, 3, 21)), "2026-03-21")

    content, written = write(report_type.slug, scope)

    assert len(totals_in(content)) == len(list(written.totals.lines()))
    assert totals_in(content)[0] == ["Rows", float(written.rows), "", ""]


def test_it_comes_after_the_last_of_several_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_SHEET_ROWS", 5)

    content, _written = write("user-hours", few_days())

    assert list(read_sheets(content)) == ["Data", "Data 2", "Totals"]
    assert totals_in(content)[0][:2] == ["Rows", 8.0]
