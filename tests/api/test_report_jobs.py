"""Requesting a report, the errors of invalid requests, and cancelling a job."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from billing.models import Account, Administrator, ApiToken, Subscription
from jobs.states import State
from reports import formats, types
from reports.models import ReportJob
from tests.acme import NOW, TODAY
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.canary import Canary
from tests.factories import make_account, make_subscription
from tests.people import make_member
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

ORDER = {"report_type": "user-hours", "subscription": "SUB-1001"}
RANGE = {"date_from": "2017-11-01", "date_through": "2017-11-20"}
WINDOW = {"date_from": "2017-10-21", "date_through": "2017-11-23"}


def order(client: ApiClient, **changes: Any) -> Any:
    """Return the response to a POST of the changed order; None removes a field."""
    body = {name: value for name, value in {**ORDER, **changes}.items() if value is not None}
    return client.post_json(to("report-jobs"), body)


def errors(answer: Any) -> dict[str, Any]:
    """Return the errors of a problem by field."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:tallydesk:problem:validation-failed"
    assert not ReportJob.objects.exists()
    return {error.pop("field"): error for error in answer.json()["errors"]}


def test_ordering_a_report_returns_the_job(
    client: ApiClient,
    ana: Administrator,
    subscription: Subscription,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as told:
        answer = order(client, **RANGE)
    assert answer.status_code == 202
    job = ReportJob.objects.get()
    assert len(told) == 1
    assert answer["Location"] == f"http://testserver{to('report-job', job.pk)}"
    assert answer["Retry-After"] == "2"
    assert answer.json() == {**client.get(answer["Location"]).json(), "joined": False, "unchanged": False}
    assert (job.subscription, job.account) == (subscription, subscription.account)
    assert (job.requested_by, job.requested_on, job.requested_with) == (ana, TODAY, ApiToken.objects.get())
    assert (job.date_from, job.date_through) == (date(2017, 11, 1), date(2017, 11, 20))
    assert (job.report_type, job.format, job.state) == ("user-hours", "csv", State.QUEUED)


def test_without_days_the_report_covers_the_default_range(client: ApiClient) -> None:
    answer = order(client).json()
    assert (answer["date_from"], answer["date_through"]) == ("2017-11-22", "2017-11-23")


@pytest.mark.parametrize("report_type", types.all_types())
@pytest.mark.parametrize("file_format", formats.all_formats())
def test_every_type_can_be_ordered_in_every_format(client: ApiClient, report_type: Any, file_format: Any) -> None:
    answer = order(client, report_type=report_type.slug, format=file_format.slug)
    assert answer.status_code == 202
    assert (answer.json()["report_type"], answer.json()["format"]) == (report_type.slug, file_format.slug)


def test_a_totals_sheet_can_be_ordered_in_formats_with_sheets(client: ApiClient) -> None:
    answer = order(client, format="xlsx", totals_sheet=True)
    assert (answer.status_code, answer.json()["totals_sheet"]) == (202, True)
    assert ReportJob.objects.get().totals_sheet
    assert order(client, format="xlsx").json()["totals_sheet"] is False


@pytest.mark.parametrize("file_format", [it.slug for it in formats.all_formats() if not it.holds_totals])
def test_a_format_without_a_place_for_the_totals_is_an_error_of_their_field(
    client: ApiClient, file_format: str
) -> None:
    assert errors(order(client, format=file_format, totals_sheet=True)) == {
        "totals_sheet": {"detail": "Only these formats can hold totals: xlsx."}
    }
    assert order(client, format=file_format, totals_sheet=False).status_code == 202


@pytest.mark.parametrize("value", ["true", 1, "on"])
def test_whether_there_are_totals_is_true_or_false(client: ApiClient, value: Any) -> None:
    assert errors(order(client, format="xlsx", totals_sheet=value))["totals_sheet"]["detail"] == "Give true or false."


def test_what_there_is_not_is_named_with_what_there_is(client: ApiClient) -> None:
    answer = errors(order(client, report_type="user-hour", format="doc"))
    assert answer == {
        "report_type": {
            "detail": "There is no such report type.",
            "allowed": [report_type.slug for report_type in types.all_types()],
        },
        "format": {"detail": "There is no such format.", "allowed": [known.slug for known in formats.all_formats()]},
    }


def test_unknown_fields_are_refused_along_with_what_is_wrong(client: ApiClient) -> None:
    answer = errors(order(client, report_typ="user-hours", report_type=None, requested_by="x"))
    assert set(answer) == {"report_typ", "requested_by", "report_type"}
    assert answer["report_typ"] == {
        "detail": "Unknown field.",
        "allowed": ["again", "date_from", "date_through", "format", "report_type", "subscription", "totals_sheet"],
    }
    assert answer["report_type"]["detail"] == "This field is required."


@pytest.mark.parametrize("value", [5, 5.0, True, None, ["user-hours"], {"slug": "user-hours"}, ""])
@pytest.mark.parametrize("field", ["report_type", "subscription", "format", "date_from"])
def test_a_value_of_another_kind_is_not_converted(client: ApiClient, field: str, value: Any) -> None:
    body = {**ORDER, "date_through": "2017-11-20", "date_from": "2017-11-01", field: value}
    assert set(errors(client.post_json(to("report-jobs"), body))) == {field}


def test_a_number_that_reads_like_the_string_is_none() -> None:
    subscription = make_subscription(account=make_account(), number="5")
    client = program(make_member(subscription.account))
    assert errors(order(client, subscription=5)) == {"subscription": {"detail": "Give a string."}}
    assert order(client, subscription="5").status_code == 202


@pytest.mark.parametrize(
    "day",
    ["2017-11-1", "20171101", "2017-W44-3", "2017-11-31", "01/11/2017", "2017-11-01T00:00:00Z", " 2017-11-01", "today",
     "٢٠١٧-11-01", "2017-11-01\n", "0000-01-01", "infinity"],
)  # fmt: skip
def test_a_day_is_written_in_one_way(client: ApiClient, day: str) -> None:
    assert errors(order(client, **{**RANGE, "date_from": day})) == {
        "date_from": {"detail": "Give a day as YYYY-MM-DD."}
    }


@pytest.mark.parametrize(
    ("date_from", "date_through", "at_fault"),
    [
        ("2017-10-20", "2017-11-20", {"date_from"}),
        ("2017-11-01", "2017-11-24", {"date_through"}),
        ("0001-01-01", "9999-12-31", {"date_from", "date_through"}),
        ("2017-11-20", "2017-11-01", {"date_from", "date_through"}),
    ],
)
def test_days_outside_of_the_window_are_named_with_it(
    client: ApiClient, date_from: str, date_through: str, at_fault: set[str]
) -> None:
    answer = errors(order(client, date_from=date_from, date_through=date_through))
    assert set(answer) == at_fault
    assert all(error["window"] == WINDOW for error in answer.values())
    assert all("The range" in error["detail"] for error in answer.values())


@pytest.mark.parametrize(("given", "missing"), [("date_from", "date_through"), ("date_through", "date_from")])
def test_one_day_alone_is_refused_and_the_other_named(client: ApiClient, given: str, missing: str) -> None:
    answer = errors(order(client, **{given: "2017-11-20"}))
    assert answer == {missing: {"detail": f"Give both {given} and {missing}, or neither."}}


@pytest.mark.parametrize("activated_on", [TODAY, date(2030, 1, 1)])
@pytest.mark.parametrize("days", [{}, RANGE])
def test_before_there_is_data_there_is_nothing_to_report(activated_on: date, days: dict[str, str]) -> None:
    subscription = make_subscription(account=make_account(), activation_date=activated_on)
    client = program(make_member(subscription.account))
    answer = errors(order(client, subscription=subscription.number, **days))
    assert answer["subscription"]["detail"].startswith("There is no usage to report yet")


def test_of_another_customers_subscription_it_is_not_said_that_there_is_one(client: ApiClient, canary: Canary) -> None:
    others, missing = (order(client, subscription=number) for number in (canary.subscription.number, "NO-NUMBER"))
    assert others.json() == missing.json()
    assert errors(others) == {"subscription": {"detail": "There is no such subscription."}}


def test_a_token_of_one_account_orders_nothing_for_its_owners_other_accounts(
    ana: Administrator, canary: Canary
) -> None:
    ana.memberships.create(account=canary.subscription.account)
    narrow = program(ana, account=Account.objects.get(code="ACME"))
    assert "subscription" in errors(order(narrow, subscription="CANARY-NUMBER"))
    assert order(program(ana), subscription="CANARY-NUMBER").status_code == 202


def test_a_read_only_token_neither_orders_nor_cancels(ana: Administrator, subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    reader = program(ana, is_read_only=True)
    for answer in (order(reader), reader.post_json(to("report-job-cancel", job.pk))):
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:tallydesk:problem:permission-denied"
        assert answer.json()["detail"].startswith("The token is read-only")
    assert reader.get(to("report-job", job.pk)).json()["state"] == "queued"
    assert ReportJob.objects.count() == 1


def test_without_a_permission_no_report_is_ordered(subscription: Subscription) -> None:
    assert order(program(make_member(subscription.account, permissions=()))).status_code == 403
    assert not ReportJob.objects.exists()


def test_a_session_orders_only_with_the_token_against_forgery(ana: Administrator) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    answer = browser.post(to("report-jobs"), ORDER, content_type="application/json")
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    browser.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32}
    answer = browser.post(to("report-jobs"), ORDER, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    assert ReportJob.objects.get().requested_with is None


def test_asking_takes_a_handful_of_queries(
    client: ApiClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(to("root"))  # Records the first use of the token.
    # The token, two for the permissions, the subscription, whether it is visible; under a lock, whether the same is
    # under way or made already; how many wait already, counted under another; the row, its instants, and who waits for
    # it. The start and the end of the transaction are savepoints here.
    with django_assert_max_num_queries(15):
        assert order(client).status_code == 202


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_a_job_is_ended(client: ApiClient, subscription: Subscription, ana: Administrator, state: State) -> None:
    lease_until = NOW if state == State.RUNNING else None
    job = make_job(subscription=subscription, requested_by=ana, state=state, lease_until=lease_until)
    answer = client.post_json(to("report-job-cancel", job.pk))
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["cancel"]) == ("cancelled", None)
    assert "Retry-After" not in answer
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_a_finished_job_cannot_be_ended(client: ApiClient, subscription: Subscription) -> None:
    job = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW)
    answer = client.post_json(to("report-job-cancel", job.pk))
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:tallydesk:problem:already-finished"
    assert answer.json()["detail"] == "The job is already failed."


def test_ending_a_job_takes_no_fields(client: ApiClient, subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    assert client.post_json(to("report-job-cancel", job.pk), {"force": True}).status_code == 400
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_another_customers_job_is_not_ended(client: ApiClient, canary: Canary) -> None:
    job = make_job(subscription=canary.subscription)
    assert client.post_json(to("report-job-cancel", job.pk)).status_code == 404
    job.refresh_from_db()
    assert job.state == State.QUEUED
