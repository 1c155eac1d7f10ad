"""The same report ordered again on the screen: in progress, or finished and unchanged."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, DataVersion, Subscription
from jobs.states import State
from reports.models import ReportJob
from reports.screens.wording import still_waiting_text
from tests.acme import CYCLE_SO_FAR, NOW, TODAY
from tests.people import make_member, make_staff
from tests.report_jobs import make_job, with_file
from tests.screens.pages import words
from tests.screens.test_download_usage_report import JSON, MADE, choices, page_of

OFFER = "Voice Usage, 22 Nov – 23 Nov : already up to date, created 5 minutes ago. Download"


def signed_in(administrator: Administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def bruno_client(subscription: Subscription) -> Client:
    """Return the browser of a signed-in colleague."""
    return signed_in(make_member(subscription.account, email="bruno@acme.example"))


@pytest.fixture
def made(subscription: Subscription, ana: Administrator, settings: Any, files_root: Path) -> ReportJob:
    """Return the report that the form orders, finished five minutes ago on the current data."""
    job = make_job(
        subscription=subscription,
        requested_by=ana,
        report_type="voice-usage",
        state=State.SUCCEEDED,
        requested_on=TODAY,
        date_from=CYCLE_SO_FAR.date_from,
        date_through=CYCLE_SO_FAR.date_through,
        software_version=settings.VERSION,
        data_version=DataVersion.objects.of([subscription.account_id]),
        **{**MADE, "finished_at": NOW - timedelta(minutes=5), "file_as_of": NOW - timedelta(minutes=5)},
    )
    return with_file(job, folder=files_root)


def cancel_address(job: ReportJob) -> str:
    return reverse("account_settings:report-job-cancel", args=[job.pk])


def notice(client: Client, address: str) -> str:
    """Return the text of a page's notice."""
    page = client.get(address)
    shown = words(page).partition("Download Usage Data")[2]
    return shown.partition("Recent reports")[0]


def test_a_script_is_given_the_report_that_is_under_way(
    ana_client: Client, bruno_client: Client, subscription: Subscription
) -> None:
    first, second = (
        client.post(page_of(subscription), choices(), headers=JSON) for client in (ana_client, bruno_client)
    )
    assert (first.status_code, first.json()["joined"]) == (201, False)
    assert (second.status_code, second.json()["joined"]) == (200, True)
    assert first.json()["job"]["id"] == second.json()["job"]["id"]


def test_without_a_script_the_page_says_that_it_is_under_way_already(
    ana_client: Client, subscription: Subscription
) -> None:
    ana_client.post(page_of(subscription), choices())
    answer = ana_client.post(page_of(subscription), choices())
    job = ReportJob.objects.get()
    assert answer["Location"].endswith(f"&joined={job.pk}#in-progress")
    assert "Voice Usage, 22 Nov – 23 Nov is already in progress." in notice(ana_client, answer["Location"])
    ReportJob.objects.update(state=State.FAILED, finished_at=NOW, failure="The disk is full.")
    said = notice(ana_client, answer["Location"])
    assert "Already" not in said
    assert "Voice Usage, 22 Nov – 23 Nov failed. The disk is full." in said


def test_a_script_is_offered_what_is_unchanged_since_it_was_made(
    ana_client: Client, subscription: Subscription, made: ReportJob
) -> None:
    answer = ana_client.post(page_of(subscription), choices(), headers=JSON)
    assert answer.status_code == 200
    html = answer.json()["unchanged"]["html"]
    assert "already up to date, created 5 minutes ago." in html
    assert f'data-file="{made.download_name}"' in html
    assert "csrfmiddlewaretoken" in html
    assert ReportJob.objects.count() == 1


def test_without_a_script_the_page_offers_it(ana_client: Client, subscription: Subscription, made: ReportJob) -> None:
    answer = ana_client.post(page_of(subscription), choices())
    assert answer["Location"].endswith(f"&unchanged={made.pk}#report-notice")
    said = notice(ana_client, answer["Location"])
    assert OFFER in said
    assert "Run again" in said
    page = ana_client.get(answer["Location"]).content.decode()
    assert reverse("account_settings:report-job-file", args=[made.pk]) in page
    assert "http-equiv" not in page


def test_a_page_that_is_loaded_again_later_claims_nothing_that_is_not_true_any_more(
    ana_client: Client, subscription: Subscription, made: ReportJob
) -> None:
    address = ana_client.post(page_of(subscription), choices())["Location"]
    DataVersion.objects.bump(subscription.account_id)
    said = notice(ana_client, address)
    assert "up to date" not in said
    assert "Voice Usage, 22 Nov – 23 Nov is ready. Download" in said


def test_no_page_mentions_another_subscription_s_report(
    ana_client: Client, subscription: Subscription, made: ReportJob
) -> None:
    other = make_job(state=State.SUCCEEDED, **MADE)
    for name in ("unchanged", "joined", "job"):
        assert "22 Nov" not in notice(ana_client, f"{page_of(subscription)}?{name}={other.pk}")
        assert ana_client.get(f"{page_of(subscription)}?{name}=x").status_code == 200


def test_make_again_makes_it_anew_and_shows_it(ana_client: Client, subscription: Subscription, made: ReportJob) -> None:
    again = reverse("account_settings:report-job-again", args=[made.pk])
    first, second = (ana_client.post(again, headers=JSON) for _ in range(2))
    assert (first.status_code, second.status_code, second.json()["joined"]) == (201, 200, True)
    job = ReportJob.objects.exclude(pk=made.pk).get()
    assert ana_client.post(again)["Location"] == f"{page_of(subscription)}?joined={job.pk}#in-progress"


def test_cancelling_leaves_what_another_waits_for_and_says_so(
    ana_client: Client, bruno_client: Client, subscription: Subscription
) -> None:
    for client in (ana_client, bruno_client):
        client.post(page_of(subscription), choices(), headers=JSON)
    job = ReportJob.objects.get()
    sentence = "You no longer wait for this report. ana@acme.example still waits for it, so it continues."
    answer = bruno_client.post(cancel_address(job), headers=JSON).json()
    assert (answer["job"]["state"], answer["said"]) == ("queued", sentence)
    assert sentence in words(bruno_client.post(cancel_address(job), follow=True))
    assert ana_client.post(cancel_address(job), headers=JSON).json()["job"]["state"] == "cancelled"


def test_staff_who_never_asked_cancel_it_for_everybody(
    ana_client: Client, bruno_client: Client, subscription: Subscription
) -> None:
    for client in (ana_client, bruno_client):
        client.post(page_of(subscription), choices(), headers=JSON)
    answer = signed_in(make_staff()).post(cancel_address(ReportJob.objects.get()), headers=JSON)
    assert answer.json()["job"]["state"] == "cancelled"


def test_another_accounts_administrator_neither_joins_nor_withdraws(
    ana_client: Client, subscription: Subscription
) -> None:
    ana_client.post(page_of(subscription), choices(), headers=JSON)
    stranger = signed_in(make_member())
    assert stranger.post(page_of(subscription), choices(), headers=JSON).status_code == 404
    assert stranger.post(cancel_address(ReportJob.objects.get()), headers=JSON).status_code == 404
    assert ReportJob.objects.get().state == State.QUEUED


def test_who_still_waits_is_named_as_far_as_it_helps() -> None:
    people = ["ana@acme.example", "bruno@acme.example", "carla@acme.example"]
    assert still_waiting_text(people[:1]) == "ana@acme.example still waits"
    assert still_waiting_text(people[:2]) == "ana@acme.example and bruno@acme.example still wait"
    assert still_waiting_text(people) == "ana@acme.example and 2 others still wait"
