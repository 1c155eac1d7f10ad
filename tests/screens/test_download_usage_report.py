"""Ordering a report on the page Download Usage Report."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing.cycles import Contract
from billing.models import Subscription
from jobs.states import State
from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.models import ReportJob
from reports.screens.reports.presets import presets
from tests.acme import NOW, TODAY
from tests.factories import make_subscription
from tests.people import make_member
from tests.report_jobs import make_job
from tests.screens.pages import markup, words

SOON = timedelta(seconds=20)
JSON = {"Accept": "application/json"}
MADE: dict[str, Any] = {
    "finished_at": NOW,
    "file": "reports/x",
    "file_bytes": 1,
    "file_rows": 1,
    "file_sha256": "0" * 64,
}
CYCLE = "cycle:2017-11-22/2017-11-23"


def page_of(subscription: Subscription) -> str:
    return reverse("account_settings:download-usage-report", args=[subscription.pk])


def choices(**chosen: str) -> dict[str, str]:
    return {
        "range": CYCLE,
        "date_from": "2017-11-22",
        "date_through": "2017-11-23",
        "report_type": "voice-usage",
        **chosen,
    }


def offered(contract: Contract, today: date) -> dict[str, str]:
    return {
        preset.slug: f"{preset.days.date_from}/{preset.days.date_through}" if preset.days else preset.reason
        for preset in presets(contract, today)
    }


def test_the_presets_show_their_dates(ana_client: Client, subscription: Subscription) -> None:
    said = words(ana_client.get(page_of(subscription)))
    assert "This cycle so far 22 Nov – 23 Nov 2017" in said
    assert "Previous cycle 21 Oct – 21 Nov 2017" in said
    assert "Last 7 days 17 Nov – 23 Nov 2017" in said
    assert "Last 30 days 25 Oct – 23 Nov 2017" in said
    assert "Data is available from 21 Oct 2017 through 23 Nov 2017." in said
    for report_type in types.all_types():
        assert f"{report_type.title} {report_type.description}" in said


def test_presets_are_kept_inside_the_window() -> None:
    assert offered(Contract(date(2017, 11, 20)), TODAY)["last-30"] == "2017-11-20/2017-11-23"


def test_a_preset_without_a_complete_day_says_why() -> None:
    first_cycle = offered(Contract(date(2017, 11, 20)), TODAY)
    assert first_cycle["previous"] == "None: this is the first cycle."
    first_day = offered(Contract(date(2017, 10, 21)), date(2017, 11, 22))
    assert first_day["cycle"] == "It began today. Its first usage appears on 23 Nov 2017 (UTC)."
    assert first_day["previous"] == "2017-10-21/2017-11-21"


def test_after_the_end_the_presets_count_from_the_last_day() -> None:
    ended = offered(Contract(date(2017, 10, 21), ended_on=date(2017, 11, 10)), TODAY)
    assert ended["cycle"] == "2017-10-21/2017-11-10"
    assert ended["last-7"] == "2017-11-04/2017-11-10"


def test_on_the_first_day_of_a_cycle_the_previous_one_is_chosen(
    ana_client: Client, subscription: Subscription, now: time_machine.Traveller
) -> None:
    now.move_to("2017-11-22T10:00Z")
    page = markup(ana_client.get(page_of(subscription)).content.decode())
    assert 'value="cycle" disabled' in page
    assert 'value="previous:2017-10-21/2017-11-21" checked' in page


def test_on_the_activation_day_the_button_is_explained(db: None) -> None:
    subscription = make_subscription(activation_date=TODAY)
    client = Client()
    client.force_login(make_member(subscription.account))
    said = words(client.get(page_of(subscription)))
    assert "Usage of 24 Nov appears on 25 Nov (UTC)." in said
    assert "Download Usage Data" in said
    assert client.post(page_of(subscription), choices(), headers=JSON).status_code == 422
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("report_type", [report_type.slug for report_type in types.all_types()])
def test_a_script_gets_the_job_at_once(ana_client: Client, subscription: Subscription, report_type: str) -> None:
    answer = ana_client.post(page_of(subscription), choices(report_type=report_type), headers=JSON)
    job = ReportJob.objects.get()
    assert answer.status_code == 201
    assert answer.json()["job"]["id"] == str(job.pk)
    assert answer.json()["job"]["state"] == "queued"
    assert str(job.pk) in answer.json()["job"]["html"]
    assert (job.report_type, str(job.date_from), str(job.date_through)) == (report_type, "2017-11-22", "2017-11-23")


def test_the_formats_are_offered_and_csv_is_chosen(ana_client: Client, subscription: Subscription) -> None:
    page = markup(ana_client.get(page_of(subscription)).content.decode())
    assert '<option value="csv" selected>CSV</option>' in page
    for file_format in formats.all_formats():
        assert f">{file_format.title}</option>" in page
    assert page.count(" selected>") == 1


@pytest.mark.parametrize("file_format", formats.all_formats(), ids=lambda file_format: file_format.slug)
def test_a_report_is_made_in_the_format_that_was_chosen(
    ana_client: Client, subscription: Subscription, file_format: FileFormat
) -> None:
    answer = ana_client.post(page_of(subscription), choices(format=file_format.slug), headers=JSON)
    job = ReportJob.objects.get()
    assert job.format == file_format.slug
    assert job.download_name.endswith(f"_2017-11-23.{file_format.slug}")
    assert (f" · {file_format.title}<" in markup(answer.json()["job"]["html"])) == (file_format.slug != "csv")


@pytest.mark.parametrize(
    ("fields", "has_totals"),
    [
        ({"format": "xlsx", "totals_sheet": "on"}, True),
        ({"format": "xlsx"}, False),
        ({"format": "csv", "totals_sheet": "on"}, False),
    ],
)
def test_a_sheet_with_the_totals_is_added_where_there_are_sheets(
    ana_client: Client, subscription: Subscription, fields: dict[str, str], has_totals: bool
) -> None:
    assert ana_client.post(page_of(subscription), choices(**fields), headers=JSON).status_code == 201
    assert ReportJob.objects.get().totals_sheet is has_totals


def test_the_formats_with_a_place_for_the_totals_are_marked_and_the_choice_is_kept(
    ana_client: Client, subscription: Subscription
) -> None:
    page = markup(ana_client.get(page_of(subscription)).content.decode())
    assert page.count(" data-totals>") == 1
    assert '<option value="xlsx" data-totals>' in page
    assert 'id="totals-sheet" name="totals_sheet" value="on" aria' in page
    answer = ana_client.post(page_of(subscription), choices(format="xlsx", totals_sheet="on"))
    kept = markup(ana_client.get(answer["Location"]).content.decode())
    assert '<option value="xlsx" selected data-totals>' in kept
    assert 'id="totals-sheet" name="totals_sheet" value="on" checked' in kept


def test_a_page_without_formats_orders_csv(ana_client: Client, subscription: Subscription) -> None:
    ana_client.post(page_of(subscription), choices(), headers=JSON)
    assert ReportJob.objects.get().format == "csv"


def test_an_unknown_format_is_refused(ana_client: Client, subscription: Subscription) -> None:
    answer = ana_client.post(page_of(subscription), choices(format="doc"), headers=JSON)
    assert answer.json()["errors"] == {"format": ["This format does not exist."]}
    assert "This format does not exist." in words(ana_client.post(page_of(subscription), choices(format="doc")))


def test_the_list_says_in_which_format_a_report_is(ana_client: Client, subscription: Subscription) -> None:
    ana = subscription.account.administrators.get()
    make_job(subscription=subscription, requested_by=ana, state=State.SUCCEEDED, format="xlsx", **MADE)
    assert "Excel (XLSX)" in words(ana_client.get(page_of(subscription))).partition("Recent")[2]


def test_a_page_left_open_over_midnight_orders_the_days_that_it_shows(
    ana_client: Client, subscription: Subscription, now: time_machine.Traveller
) -> None:
    now.move_to("2017-11-25T00:01Z")
    ana_client.post(page_of(subscription), choices(), headers=JSON)
    assert str(ReportJob.objects.get().date_through) == "2017-11-23"


def test_other_days_are_those_of_the_fields(ana_client: Client, subscription: Subscription) -> None:
    ana_client.post(page_of(subscription), choices(range="custom", date_from="2017-10-30", date_through="2017-11-02"))
    job = ReportJob.objects.get()
    assert (str(job.date_from), str(job.date_through)) == ("2017-10-30", "2017-11-02")


def test_a_request_is_refused_while_too_many_reports_wait(
    ana_client: Client, subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_TOKEN = 1
    first = make_job(subscription=subscription, requested_by=subscription.account.administrators.get())
    answer = ana_client.post(page_of(subscription), choices(), headers=JSON)
    sentence = "Too many of your reports are waiting: 1 (limit: 1)."
    assert answer.status_code == 422
    assert answer.json()["errors"]["report_type"][0].startswith(sentence)
    page = ana_client.post(page_of(subscription), choices())
    assert page.status_code == 422
    assert sentence in words(page)
    failed = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW, report_type="resource-usage")
    again = reverse("account_settings:report-job-again", args=[failed.pk])
    assert sentence in words(ana_client.post(again, follow=True))
    assert ReportJob.objects.filter(state=State.QUEUED).count() == 1
    first.cancel()
    assert ana_client.post(page_of(subscription), choices(), headers=JSON).status_code == 201


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"range": "custom", "date_from": "2017-10-20"}, "data is available from 2017-10-21 through 2017-11-23"),
        ({"range": "custom", "date_through": "2017-11-24"}, "data is available from 2017-10-21 through 2017-11-23"),
        ({"range": "custom", "date_from": "2017-11-23", "date_through": "2017-11-22"}, "after it ends"),
        ({"range": "custom", "date_from": ""}, "Enter the start date and the end date."),
        ({"range": "custom", "date_from": "yesterday"}, "Enter the start date as YYYY-MM-DD."),
        ({"range": "cycle:2017-11-22/2017-11-24"}, "data is available from 2017-10-21 through 2017-11-23"),
        ({"range": "cycle:2017-02-30/2017-11-24"}, "Choose a date range."),
        ({"range": "century:2017-11-22/2017-11-23"}, "Choose a date range."),
        ({"range": "cycle"}, "Choose a date range."),
        ({"range": ""}, "Choose a date range."),
    ],
)
def test_an_impossible_range_is_refused_beside_its_field(
    ana_client: Client, subscription: Subscription, chosen: dict[str, str], sentence: str
) -> None:
    answer = ana_client.post(page_of(subscription), choices(**chosen), headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["range"]
    assert sentence in answer.json()["errors"]["range"][0]
    page = ana_client.post(page_of(subscription), choices(**chosen))
    assert page.status_code == 422
    errors = page.content.decode().partition('id="range-errors"')[2].partition("</div>")[0]
    assert sentence in errors
    assert not ReportJob.objects.exists()


def test_the_other_choices_are_kept(ana_client: Client, subscription: Subscription) -> None:
    chosen = choices(range="custom", date_from="2010-01-01", report_type="user-hours", format="xlsx")
    page = markup(ana_client.post(page_of(subscription), chosen).content.decode())
    assert 'value="custom" checked' in page
    assert 'name="date_from" value="2010-01-01"' in page
    assert 'value="user-hours" checked' in page
    assert '<option value="xlsx" selected data-totals>' in page


def test_an_unknown_report_is_refused(ana_client: Client, subscription: Subscription) -> None:
    answer = ana_client.post(page_of(subscription), choices(report_type="horoscope"), headers=JSON)
    assert answer.json()["errors"] == {"report_type": ["This report does not exist."]}


def test_without_a_script_the_page_comes_back_with_the_job_and_reloads_itself(
    ana_client: Client, subscription: Subscription
) -> None:
    assert "http-equiv" not in ana_client.get(page_of(subscription)).content.decode()
    answer = ana_client.post(page_of(subscription), choices(range="custom", report_type="user-hours", format="xlsx"))
    assert answer.status_code == 302
    page = markup(ana_client.get(answer["Location"]).content.decode())
    assert '<noscript><meta http-equiv="refresh" content="2;url=?' in page
    # A different address each time: a browser takes the same one, with its fragment, for a place on the page.
    assert "reload=1#in-progress" in page
    assert "reload=2#in-progress" in ana_client.get(answer["Location"], {"reload": "1"}).content.decode()
    assert f'id="report-{ReportJob.objects.get().pk}"' in page
    assert 'value="custom" checked' in page
    assert 'value="user-hours" checked' in page
    assert '<option value="xlsx" selected data-totals>' in page


def test_without_a_script_the_page_says_when_the_report_is_there(
    ana_client: Client, subscription: Subscription
) -> None:
    failed = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW, failure="The disk is full.")
    said = words(ana_client.get(page_of(subscription), {"job": str(failed.pk), "reload": "x"}))
    assert "User Hour Usage, 22 Nov failed. The disk is full." in said


def progress(client: Client, subscription: Subscription, *jobs: ReportJob) -> list[dict[str, Any]]:
    answer = client.get(
        reverse("account_settings:progress", args=[subscription.pk]),
        {"id": [str(job.pk) for job in jobs]},
        headers=JSON,
    )
    found: list[dict[str, Any]] = answer.json()["jobs"]
    return found


@pytest.mark.parametrize(
    ("fields", "text", "percent"),
    [
        ({"requested_at": timedelta(seconds=-2)}, "Starting…", None),
        ({"requested_at": timedelta(seconds=-16)}, "Waiting for a worker…", None),
        ({"state": "running", "lease_until": SOON}, "Counting the rows…", None),
        (
            {"state": "running", "lease_until": SOON, "rows_done": 61200, "rows_expected": 100412},
            "61,200 of 100,412 rows",
            60,
        ),
        (
            {"state": "running", "lease_until": SOON, "rows_done": 100411, "rows_expected": 100412},
            "100,411 of 100,412 rows",
            99,
        ),
        (
            {"state": "running", "lease_until": SOON, "rows_done": 1, "rows_expected": 1},
            "Storing 1 row…",
            99,
        ),
        (
            {"state": "running", "lease_until": SOON, "rows_done": 0, "rows_expected": 0},
            "Storing 0 rows…",
            99,
        ),
        ({"state": "running", "lease_until": timedelta(seconds=-1)}, "Waiting for a worker…", None),
    ],
)
def test_progress_is_a_sentence_and_never_at_its_end_before_the_file_is_there(
    ana_client: Client, subscription: Subscription, fields: dict[str, Any], text: str, percent: int | None
) -> None:
    moments = {name: _after(offset) for name, offset in fields.items() if isinstance(offset, timedelta)}
    job = make_job(subscription=subscription, **{"requested_at": _after(timedelta(0)), **fields, **moments})
    (answer,) = progress(ana_client, subscription, job)
    shown = answer["progress"]
    assert (shown["text"], shown["done"] if shown["expected"] else None) == (text, percent)
    assert not answer["finished"]
    bar = '<progress max="100" aria' if percent is None else f'<progress max="100" value="{percent}" aria'
    assert bar in markup(answer["html"])


def _after(offset: timedelta) -> datetime:
    return NOW + offset


def test_progress_has_the_finished_jobs_that_the_request_names(ana_client: Client, subscription: Subscription) -> None:
    failed = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW, failure="The disk is full.")
    assert progress(ana_client, subscription) == []
    (answer,) = progress(ana_client, subscription, failed)
    assert answer["finished"]
    assert answer["failure"] == "The disk is full."
    assert "Try again" in answer["html"]


def test_progress_says_nothing_of_other_subscriptions(ana_client: Client, subscription: Subscription) -> None:
    assert progress(ana_client, subscription, make_job(), make_job()) == []


def test_progress_is_not_disturbed_by_nonsense(ana_client: Client, subscription: Subscription) -> None:
    address = reverse("account_settings:progress", args=[subscription.pk])
    assert ana_client.get(address, {"id": "x' or 1=1"}).json() == {"jobs": []}
