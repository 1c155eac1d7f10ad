"""The same report requested again: joining a job in progress, returning an unchanged one, and cancelling."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from billing.models import Administrator, DataVersion, Subscription
from jobs.claims import Claim
from jobs.states import State
from reports.models import ReportJob
from tests.acme import NOW, TODAY
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.people import make_member, make_staff
from tests.report_jobs import make_job, with_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

ORDER = {
    "report_type": "user-hours",
    "subscription": "SUB-1001",
    "date_from": "2017-11-22",
    "date_through": "2017-11-22",
}


def ask(client: Client, *, key: str | None = None, **changes: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(to("report-jobs"), {**ORDER, **changes}, content_type="application/json", headers=headers)


def cancel(client: ApiClient, answer: Any) -> Any:
    return client.post_json(to("report-job-cancel", answer.json()["id"]))


@pytest.fixture
def bruno(subscription: Subscription) -> ApiClient:
    """Return the API client of a colleague."""
    return program(make_member(subscription.account, email="bruno@acme.example"))


@pytest.fixture
def made(subscription: Subscription, ana: Administrator, settings: Any, files_root: Path) -> ReportJob:
    """Return a finished report of the current data."""
    job = make_job(
        subscription=subscription,
        requested_by=ana,
        state=State.SUCCEEDED,
        started_at=NOW,
        finished_at=NOW,
        file="reports/x.csv",
        file_bytes=19,
        file_rows=0,
        file_sha256="a" * 64,
        file_as_of=NOW,
        requested_on=TODAY,
        software_version=settings.VERSION,
        data_version=DataVersion.objects.of([subscription.account_id]),
    )
    return with_file(job, folder=files_root)


def test_the_same_report_under_way_is_joined(client: ApiClient, bruno: ApiClient) -> None:
    first, second = ask(client), ask(bruno)
    assert (first.status_code, second.status_code) == (202, 202)
    assert (second["Location"], second["Retry-After"]) == (first["Location"], "2")
    assert second.json() == {**first.json(), "joined": True}
    assert second.json()["requested_by"] == "ana@acme.example"


def test_again_joins_what_is_under_way_too(client: ApiClient) -> None:
    assert ask(client).json()["id"] == ask(client, again=True).json()["id"]


def test_a_running_report_is_joined_until_the_data_change(
    client: ApiClient, bruno: ApiClient, subscription: Subscription
) -> None:
    first = ask(client)
    job = ReportJob.objects.claim(first.json()["id"])
    assert job is not None
    Claim.of(job).record(data_version=DataVersion.objects.of([job.account_id]))
    assert (ask(bruno).json()["state"], ask(bruno).json()["joined"]) == ("running", True)
    DataVersion.objects.bump(subscription.account_id)
    assert ask(bruno).json()["joined"] is False
    assert ReportJob.objects.count() == 2


def test_what_is_unchanged_since_it_was_made_is_the_answer(
    client: ApiClient, bruno: ApiClient, made: ReportJob
) -> None:
    for caller in (client, bruno):
        answer = ask(caller)
        assert answer.status_code == 200
        assert answer["Location"] == f"http://testserver{to('report-job', made.pk)}"
        assert "Retry-After" not in answer
        assert answer.json() == {**client.get(answer["Location"]).json(), "joined": False, "unchanged": True}
        assert answer.json()["result"]["file"]
    assert ReportJob.objects.count() == 1


def test_again_makes_anew_what_is_unchanged(client: ApiClient, made: ReportJob) -> None:
    answer = ask(client, again=True)
    assert (answer.status_code, answer.json()["joined"], answer.json()["unchanged"]) == (202, False, False)
    assert answer.json()["id"] != str(made.pk)
    assert ask(client, again=False).json()["joined"] is True


def test_what_has_changed_is_made_anew(client: ApiClient, made: ReportJob) -> None:
    DataVersion.objects.bump(made.account_id)
    assert ask(client).status_code == 202


@pytest.mark.parametrize("value", ["true", 1, 0, None, [], {}])
@pytest.mark.parametrize("field", ["again", "totals_sheet"])
def test_true_is_neither_a_word_nor_a_number(client: ApiClient, field: str, value: Any) -> None:
    answer = ask(client, **{field: value})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_workbook_with_the_totals_is_not_one_without_them(client: ApiClient) -> None:
    first, second = ask(client, format="xlsx", totals_sheet=True), ask(client, format="xlsx")
    assert (second.status_code, second.json()["joined"]) == (202, False)
    assert first.json()["id"] != second.json()["id"]


def test_a_key_replays_the_unchanged_report_whatever_changes_later(client: ApiClient, made: ReportJob) -> None:
    first = ask(client, key="nightly-1")
    DataVersion.objects.bump(made.account_id)
    again = ask(client, key="nightly-1")
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (200, first.content, "true")
    assert again["Location"] == first["Location"]
    assert ask(client, key="nightly-2").status_code == 202
    assert ask(client, key="nightly-1", again=True).status_code == 422


def test_cancelling_withdraws_the_tokens_own_request_and_the_last_one_ends_the_job(
    client: ApiClient, ana: Administrator, bruno: ApiClient
) -> None:
    another = program(ana)
    for caller in (client, another, bruno):
        answer = ask(caller)
    for caller in (another, another, client):
        assert (cancel(caller, answer).status_code, cancel(caller, answer).json()["state"]) == (200, "queued")
    ended = cancel(bruno, answer)
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    assert cancel(client, answer).status_code == 409


def test_who_is_signed_in_withdraws_all_that_they_asked_for(
    client: ApiClient, ana: Administrator, bruno: ApiClient
) -> None:
    answer = ask(client)
    ask(bruno)
    browser = Client()
    browser.force_login(ana)
    address = to("report-job-cancel", answer.json()["id"])
    assert browser.post(address, {}, content_type="application/json").json()["state"] == "queued"
    assert cancel(bruno, answer).json()["state"] == "cancelled"


def test_who_never_asked_ends_it_for_everybody(client: ApiClient, bruno: ApiClient) -> None:
    answer = ask(client)
    ask(bruno)
    assert cancel(program(make_staff()), answer).json()["state"] == "cancelled"


def test_a_report_of_another_day_is_made_anew(client: ApiClient, made: ReportJob) -> None:
    ReportJob.objects.update(requested_on=TODAY - timedelta(days=1))
    assert ask(client).status_code == 202
