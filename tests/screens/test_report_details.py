"""A report's page, with all its details."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from billing.models import Administrator, Subscription
from jobs.states import State
from reports import types
from reports.engine.write import scope_of
from reports.models import ReportJob
from tests.acme import CYCLE_SO_FAR, NOW, TODAY, make_acme
from tests.factories import instant
from tests.people import make_member
from tests.report_files import write
from tests.report_jobs import make_job
from tests.screens.pages import words

LISTS = ("report-jobs", "subscription", "download-usage-report")


def details(client: Client, job: ReportJob) -> str:
    answer = client.get(reverse("account_settings:report-job", args=[job.pk]))
    assert answer.status_code == 200
    return words(answer)


def make_made(subscription: Subscription, administrator: Administrator, slug: str, **fields: Any) -> ReportJob:
    """Return a finished report on the subscription's own data, without its file."""
    scope = scope_of(subscription, CYCLE_SO_FAR, TODAY)
    content, written = write(slug, scope)
    known = {
        "state": State.SUCCEEDED,
        "started_at": NOW - timedelta(seconds=72.5),
        "finished_at": NOW,
        "date_from": CYCLE_SO_FAR.date_from,
        "date_through": CYCLE_SO_FAR.date_through,
        "file": "reports/some.csv",
        "file_bytes": len(content),
        "file_rows": written.rows,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "file_columns": [column.described() for column in types.by_slug(slug).columns],
        "file_cycles": [cycle.described() for cycle in scope.cycles],
        "file_as_of": instant("2017-11-24T10:02:48.123"),
        "totals": written.totals.as_json(),
        "software_version": "1.2.3",
    }
    return make_job(subscription=subscription, requested_by=administrator, report_type=slug, **{**known, **fields})


@pytest.fixture
def voice(subscription: Subscription, ana: Administrator) -> ReportJob:
    return make_made(subscription, ana, "voice-usage")


def test_the_control_totals_are_a_table_of_names_amounts_and_units(ana_client: Client, voice: ReportJob) -> None:
    page = details(ana_client, voice)
    for line in (
        "Rows 6 ",
        "Sum of Duration (Seconds) 330 seconds",
        "Sum of Adjusted Duration (seconds) 180 seconds",
        "Sum of Adjusted Duration (minutes) 3.0 minutes",
        "Sum of Total cost 0.0049 EUR",
        "Sum of Total cost 1,000.0050 USD",
        "Calls unrated 3 ",
    ):
        assert line in page


def test_times_are_shown_as_the_file_shows_them_and_users_are_counted(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    page = details(ana_client, make_made(subscription, ana, "user-hours"))
    assert "Sum of Duration 13:30:00:000 hh:mm:ss:mmm" in page
    assert "Distinct users 3" in page


def test_the_kinds_of_columns_are_words_and_a_removed_type_keeps_its_headings(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    job = make_made(subscription, ana, "billable-usage")
    page = details(ana_client, job)
    assert "Distinct users and devices " in page
    assert "date and time (UTC)" in page
    assert "instant" not in page
    ReportJob.objects.update(report_type="removed")
    page = details(ana_client, job)
    assert "Distinct values of Entity " in page


def test_the_page_says_what_the_file_is_and_where_it_comes_from(ana_client: Client, voice: ReportJob) -> None:
    page = details(ana_client, voice)
    for text in (
        "Voice Usage, 22 Nov – 23 Nov",
        "SUB-1001",
        "22 Nov – 23 Nov 2017",
        "22 Nov – 21 Dec 2017",
        "24 Nov 2017, 10:02:48.123 UTC",
        "by ana@acme.example",
        "in 1 min 12 s",
        "CSV",
        f"{voice.file_bytes:,}",
        voice.file_sha256,
        "Tallydesk 1.2.3",
        "24 Dec 2017, 10:04:00 UTC",
        "Adjusted Duration (minutes) decimal number minutes",
    ):
        assert text in page, text


def test_there_is_a_way_to_the_file_its_manifest_and_another_one(ana_client: Client, voice: ReportJob) -> None:
    page = ana_client.get(reverse("account_settings:report-job", args=[voice.pk])).content.decode()
    for name in ("report-job-file", "report-job-manifest", "report-job-again"):
        assert reverse(f"account_settings:{name}", args=[voice.pk]) in page


def test_a_report_whose_file_is_gone_keeps_its_details_and_its_manifest(ana_client: Client, voice: ReportJob) -> None:
    ReportJob.objects.filter(pk=voice.pk).update(file="")
    page = details(ana_client, voice)
    assert "The file is no longer available" in page
    assert "Sum of Total cost 1,000.0050 USD" in page
    assert "Download" not in page
    manifest = ana_client.get(reverse("account_settings:report-job-manifest", args=[voice.pk]))
    assert manifest.json()["totals"] == voice.totals


def test_an_old_file_has_no_totals_and_its_page_says_so(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    old: dict[str, Any] = {
        "totals": None,
        "file_cycles": [],
        "file_as_of": None,
        "software_version": "",
        "started_at": None,
    }
    page = details(ana_client, make_made(subscription, ana, "voice-usage", **old))
    assert "No totals were stored with this file." in page
    assert "Data as of" not in page


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        ({"state": State.QUEUED}, ["The file is not ready yet.", "Show progress"]),
        (
            {"state": State.FAILED, "finished_at": NOW, "failure": "The disk is full."},
            ["The disk is full", "Try again"],
        ),
        ({"state": State.CANCELLED, "finished_at": NOW}, ["cancelled 10:04", "Run again"]),
    ],
    ids=["queued", "failed", "cancelled"],
)
def test_a_report_that_was_not_made_says_what_became_of_it(
    ana_client: Client, subscription: Subscription, ana: Administrator, fields: dict[str, Any], texts: list[str]
) -> None:
    job = make_job(subscription=subscription, requested_by=ana, **fields)
    page = details(ana_client, job)
    assert all(text in page for text in [*texts, "User Hour Usage, 22 Nov", "by ana@acme.example"])
    assert not any(text in page for text in ["Control totals", "SHA-256", "Manifest"])
    refused = ana_client.get(reverse("account_settings:report-job-manifest", args=[job.pk]))
    assert (refused.status_code, "so it has no manifest" in words(refused)) == (409, True)
    assert ("No manifest yet" in words(refused)) is not job.is_finished


@pytest.mark.parametrize("name", ["report-job", "report-job-manifest"])
def test_another_accounts_details_are_missing_and_ones_own_take_the_permission(
    ana_client: Client, ana: Administrator, voice: ReportJob, name: str
) -> None:
    other = make_acme()
    others = make_made(other, make_member(other.account), "voice-usage")
    assert ana_client.get(reverse(f"account_settings:{name}", args=[others.pk])).status_code == 404
    ana.user_permissions.clear()
    assert ana_client.get(reverse(f"account_settings:{name}", args=[voice.pk])).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_every_list_of_reports_leads_to_the_details(ana_client: Client, voice: ReportJob, name: str) -> None:
    arguments = [] if name == "report-jobs" else [voice.subscription_id]
    page = ana_client.get(reverse(f"account_settings:{name}", args=arguments)).content.decode()
    assert f'href="{reverse("account_settings:report-job", args=[voice.pk])}"' in page


def test_the_details_take_few_queries(
    ana_client: Client, voice: ReportJob, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        details(ana_client, voice)
