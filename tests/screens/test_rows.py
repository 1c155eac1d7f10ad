"""The rows behind a number are those of the report."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Subscription
from reports import types
from tests.factories import instant, make_call
from tests.report_files import report_file
from tests.screens.pages import words

SLUGS = [report_type.slug for report_type in types.all_types()]


def rows_of(subscription: Subscription, slug: str) -> str:
    return reverse("account_settings:rows", args=[subscription.pk, slug])


@pytest.mark.parametrize("slug", SLUGS)
def test_the_cells_read_as_in_the_file(ana_client: Client, subscription: Subscription, slug: str) -> None:
    page = ana_client.get(rows_of(subscription, slug))
    heading, *lines = csv.reader(io.StringIO(report_file(slug, subscription).decode()))
    assert [column.heading for column in page.context["report_type"].columns] == heading
    shown = [[text for _kind, text in row] for row in page.context["page"].object_list]
    # On the screen an instant reads without the letters that a file needs.
    assert shown == [[_as_on_screen(cell) for cell in line] for line in lines]
    assert lines


def _as_on_screen(cell: str) -> str:
    is_instant = len(cell) == len("2017-10-21T09:14:03.250Z") and cell.endswith("Z")
    return cell.replace("T", " ").removesuffix("Z") if is_instant else cell


def test_a_page_holds_fifty_rows(ana_client: Client, subscription: Subscription) -> None:
    for number in range(60):
        make_call(account=subscription.account, started_at=instant("2017-11-23T11:00"), sip_call_id=f"x{number:02}")
    first = ana_client.get(rows_of(subscription, "voice-usage"))
    assert "22 Nov – 23 Nov 2017 · 66 rows" in words(first)
    assert len(first.context["page"].object_list) == 50
    second = ana_client.get(rows_of(subscription, "voice-usage"), {"page": "2"})
    assert [row[0][1] for row in second.context["page"].object_list][-1] == "x59"
    assert len(second.context["page"].object_list) == 16


def test_the_address_chooses_other_days(ana_client: Client, subscription: Subscription) -> None:
    page = ana_client.get(rows_of(subscription, "concurrent-usage"), {"from": "2017-11-20", "through": "2017-11-21"})
    assert "20 Nov – 21 Nov 2017 · 2 rows" in words(page)


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2017-10-01", "2017-11-01", "data is available from 2017-10-21 through 2017-11-23"),
        ("2017-11-02", "2017-11-01", "after it ends"),
        ("today", "2017-11-01", "'today' is not a day: write it as YYYY-MM-DD."),
    ],
)
def test_a_range_outside_the_window_is_never_silently_cut(
    ana_client: Client, subscription: Subscription, first: str, last: str, sentence: str
) -> None:
    for address in (
        rows_of(subscription, "voice-usage"),
        reverse("account_settings:missing-rates", args=[subscription.pk]),
    ):
        page = ana_client.get(address, {"from": first, "through": last})
        assert page.status_code == 400
        assert sentence in words(page)


def test_an_unknown_report_type_is_missing(ana_client: Client, subscription: Subscription) -> None:
    assert ana_client.get(rows_of(subscription, "horoscope")).status_code == 404


def test_the_missing_rates_are_listed_with_their_calls(ana_client: Client, subscription: Subscription) -> None:
    said = words(ana_client.get(reverse("account_settings:missing-rates", args=[subscription.pk])))
    assert "3 unrated calls" in said
    assert "MARS voice Outbound 2 VENUS voice Inbound 1" in said


def test_a_cell_is_shown_as_text_not_as_markup(ana_client: Client, subscription: Subscription) -> None:
    make_call(account=subscription.account, started_at=instant("2017-11-23T11:00"), origin="<script>alert(1)</script>")
    page = ana_client.get(rows_of(subscription, "voice-usage")).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
