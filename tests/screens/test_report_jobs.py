"""The list of all reports, and the actions on a report."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.models import ReportJob
from tests.acme import CYCLE_SO_FAR, NOW, make_acme
from tests.factories import make_subscription
from tests.people import client_of, make_member, make_staff
from tests.report_jobs import make_job
from tests.screens.pages import words

CONTENT = b"User,Date,Duration\n"
JSON = {"Accept": "application/json"}
ALL = reverse("account_settings:report-jobs")


def to(action: str, job: ReportJob) -> str:
    return reverse(f"account_settings:report-job-{action}", args=[job.pk])


@pytest.fixture
def ready(subscription: Subscription, ana: Administrator, files_root: Path) -> ReportJob:
    """Return a finished report with its file."""
    job = make_job(
        subscription=subscription,
        requested_by=ana,
        state=State.SUCCEEDED,
        finished_at=NOW,
        date_from=CYCLE_SO_FAR.date_from,
        date_through=CYCLE_SO_FAR.date_through,
        file_bytes=len(CONTENT),
        file_rows=0,
        file_sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    job.file.save("report.csv", ContentFile(CONTENT))
    return job


def test_the_file_is_streamed_as_a_private_attachment(ana_client: Client, ready: ReportJob) -> None:
    answer = ana_client.get(to("file", ready))
    assert answer.status_code == 200
    assert answer.streaming
    assert b"".join(answer) == CONTENT
    assert answer["Content-Disposition"] == 'attachment; filename="user-hours_SUB-1001_2017-11-22_2017-11-23.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Length"] == str(len(CONTENT))
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ('../"SUB"\r\nX: 1', "user-hours_..__SUB___X__1_2017-11-22_2017-11-23.csv"),
        ("SUB 1/2;3", "user-hours_SUB_1_2_3_2017-11-22_2017-11-23.csv"),
    ],
)
def test_odd_characters_of_a_number_stay_out_of_the_name(
    ana_client: Client, ready: ReportJob, number: str, name: str
) -> None:
    Subscription.objects.filter(pk=ready.subscription_id).update(number=number)
    assert ana_client.get(to("file", ready))["Content-Disposition"] == f'attachment; filename="{name}"'


def test_a_report_that_is_not_ready_is_a_409(ana_client: Client, subscription: Subscription) -> None:
    answer = ana_client.get(to("file", make_job(subscription=subscription)))
    assert answer.status_code == 409
    assert "The report is queued, so there is no file." in words(answer)


def test_an_expired_report_is_a_410_with_make_again(ana_client: Client, ready: ReportJob) -> None:
    ReportJob.objects.filter(pk=ready.pk).update(file="")
    answer = ana_client.get(to("file", ready))
    assert answer.status_code == 410
    assert "Run again" in words(answer)


def test_a_file_that_is_gone_is_a_410(ana_client: Client, ready: ReportJob) -> None:
    ready.file.storage.delete(str(ready.file.name))
    assert ana_client.get(to("file", ready)).status_code == 410


def test_the_permission_is_checked_again_at_the_download(
    ana_client: Client, ready: ReportJob, ana: Administrator
) -> None:
    ana.user_permissions.clear()
    assert ana_client.get(to("file", ready)).status_code == 403


def test_a_queued_job_is_cancelled(ana_client: Client, subscription: Subscription, ana: Administrator) -> None:
    job = make_job(subscription=subscription, requested_by=ana)
    answer = ana_client.post(to("cancel", job), headers=JSON)
    assert answer.json()["job"]["state"] == "cancelled"
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_without_a_script_cancelling_comes_back_with_a_sentence(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    job = make_job(subscription=subscription, requested_by=ana)
    page = ana_client.post(to("cancel", job), follow=True)
    assert f"{job} was cancelled." in words(page)
    page = ana_client.post(to("cancel", job), follow=True)
    assert f"{job} had already finished." in words(page)


def test_a_report_that_only_others_requested_has_no_cancel_and_refuses_it_with_a_sentence(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    theirs, own = make_job(subscription=subscription), make_job(subscription=subscription, requested_by=ana)
    desk = reverse("account_settings:download-usage-report", args=[subscription.pk])
    page = ana_client.get(desk).content.decode()
    assert to("cancel", own) in page
    assert to("cancel", theirs) not in page
    progress = ana_client.get(reverse("account_settings:progress", args=[subscription.pk])).json()["jobs"]
    shown = {job["id"]: to("cancel", ReportJob(pk=job["id"])) in job["html"] for job in progress}
    assert shown == {str(own.pk): True, str(theirs.pk): False}
    answer = ana_client.post(to("cancel", theirs))
    assert answer.status_code == 403
    assert "You did not request this report." in words(answer)
    theirs.refresh_from_db()
    assert theirs.state == State.QUEUED
    staff = client_of(make_staff())
    assert to("cancel", theirs) in staff.get(desk).content.decode()


def test_trying_again_asks_for_the_same_anew(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    failed = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW, failure="The disk is full.")
    answer = ana_client.post(to("again", failed), headers=JSON)
    assert answer.status_code == 201
    again = ReportJob.objects.get(pk=answer.json()["job"]["id"])
    assert again.pk != failed.pk
    assert (again.report_type, again.range, again.requested_by) == (failed.report_type, failed.range, ana)
    assert ana_client.post(to("again", failed)).status_code == 302


def test_again_outside_the_window_is_refused_with_a_sentence(ana_client: Client, subscription: Subscription) -> None:
    job = make_job(subscription=subscription, state=State.CANCELLED, finished_at=NOW)
    Subscription.objects.filter(pk=subscription.pk).update(activation_date="2017-11-23")
    assert "not inside the available window" in str(ana_client.post(to("again", job), headers=JSON).json()["errors"])
    assert "not inside the available window" in words(ana_client.post(to("again", job), follow=True))


def test_the_list_shows_what_one_may_see(ana_client: Client, ready: ReportJob) -> None:
    make_job(subscription=make_acme(name="Somebody else"))
    page = ana_client.get(ALL)
    assert [card.job for card in page.context["cards"]] == [ready]
    assert "User Hour Usage 22 Nov – 23 Nov Acme Contact Centers · SUB-1001 ready 10:04 0 rows · 19 bytes" in words(
        page
    )


def test_the_list_is_narrowed_to_a_subscription(subscription: Subscription) -> None:
    make_job(subscription=subscription)
    other = make_job(subscription=make_subscription())
    client = Client()
    client.force_login(make_staff())
    assert len(client.get(ALL).context["cards"]) == 2
    (card,) = client.get(ALL, {"subscription": other.subscription_id}).context["cards"]
    assert card.job == other
    assert client.get(ALL, {"subscription": "99999999"}).context["cards"] == []


def test_a_longer_list_takes_no_more_queries(
    ana_client: Client, subscription: Subscription, django_assert_num_queries: Any
) -> None:
    make_job(subscription=subscription)
    ana_client.get(ALL)
    with django_assert_num_queries(5) as few:
        ana_client.get(ALL)
    for _ in range(5):
        make_job(subscription=subscription)
    with django_assert_num_queries(len(few)):
        ana_client.get(ALL)


def test_a_colleague_sees_the_report_too(ready: ReportJob) -> None:
    client = Client()
    client.force_login(make_member(ready.account))
    assert client.get(to("file", ready)).status_code == 200
