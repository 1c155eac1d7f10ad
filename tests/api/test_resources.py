"""The resources that clients reach by following links: subscriptions, report types and report jobs."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.models import Administrator, Subscription
from jobs.states import State
from reports import formats, types
from tests.acme import NOW
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.canary import CANARY, Canary
from tests.factories import make_account, make_subscription
from tests.people import make_member
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def links(value: Any) -> list[str]:
    """Yield every URL in a response."""
    if isinstance(value, dict):
        return [link for member in value.values() for link in links(member)]
    if isinstance(value, list):
        return [link for item in value for link in links(item)]
    return [value] if isinstance(value, str) and value.startswith("http") else []


def test_everything_is_found_from_the_root(client: ApiClient, subscription: Subscription) -> None:
    make_job(subscription=subscription)
    found, waiting = set(), [f"http://testserver{to('root')}"]
    while waiting:
        address = waiting.pop()
        found.add(address)
        if address.endswith(("/cancel/", "/file/", "/manifest/", "/schema/", "/docs/")):
            continue
        answer = client.get(address)
        assert answer.status_code == 200, address
        waiting.extend(link for link in links(answer.json()) if link not in found)
    names = {"root", "subscriptions", "report-types", "report-jobs", "schema", "docs"}
    assert {f"http://testserver{to(name)}" for name in names} <= found
    assert {f"http://testserver{to('report-type', kind.slug)}" for kind in types.all_types()} <= found


def test_a_subscription_shows_its_cycles_and_the_days_with_data(client: ApiClient, subscription: Subscription) -> None:
    answer = client.get(to("subscription", subscription.pk))
    assert answer.json() == {
        "url": f"http://testserver/api/v1/subscriptions/{subscription.pk}/",
        "id": subscription.pk,
        "number": "SUB-1001",
        "account": {"code": "ACME", "name": "Acme Contact Centers"},
        "currency": "USD",
        "activation_date": "2017-10-21",
        "ended_on": None,
        "cycle_policy": "through_anniversary",
        "cycle": {"index": 1, "first_day": "2017-11-22", "last_day": "2017-12-21"},
        "previous_cycles": [{"index": 0, "first_day": "2017-10-21", "last_day": "2017-11-21"}],
        "data_available_from": "2017-10-21",
        "data_available_through": "2017-11-23",
        "default_range": {"date_from": "2017-11-22", "date_through": "2017-11-23"},
        "report_jobs": "http://testserver/api/v1/report-jobs/?subscription=SUB-1001",
    }


@pytest.mark.parametrize(
    ("activated_on", "ended_on", "cycle", "previous", "available", "default"),
    [
        # Tomorrow; today, when there is a cycle and no day with data yet; and a contract that ended.
        (date(2017, 11, 25), None, None, 0, (None, None), None),
        (date(2017, 11, 24), None, (0, "2017-11-24", "2017-12-24"), 0, (None, None), None),
        (
            date(2017, 10, 21),
            date(2017, 11, 10),
            (0, "2017-10-21", "2017-11-10"),
            0,
            ("2017-10-21", "2017-11-10"),
            ("2017-10-21", "2017-11-10"),
        ),
        # The first day of a cycle: the default is the cycle before. And a long contract shows three years.
        (
            date(2010, 1, 23),
            None,
            (94, "2017-11-24", "2017-12-23"),
            36,
            ("2010-01-23", "2017-11-23"),
            ("2017-10-24", "2017-11-23"),
        ),
    ],
)
def test_cycles_at_the_ends_of_a_contract(
    ana: Administrator,
    activated_on: date,
    ended_on: date | None,
    cycle: tuple[int, str, str] | None,
    previous: int,
    available: tuple[str | None, str | None],
    default: tuple[str, str] | None,
) -> None:
    account = make_account()
    subscription = make_subscription(account=account, activation_date=activated_on, ended_on=ended_on)
    answer = program(make_member(account)).get(to("subscription", subscription.pk)).json()
    assert answer["cycle"] == (cycle and dict(zip(("index", "first_day", "last_day"), cycle, strict=True)))
    assert len(answer["previous_cycles"]) == previous
    assert (answer["data_available_from"], answer["data_available_through"]) == available
    assert answer["default_range"] == (default and dict(zip(("date_from", "date_through"), default, strict=True)))


def test_report_types_come_with_their_columns_and_formats(client: ApiClient) -> None:
    answer = client.get(to("report-types")).json()
    assert (answer["next"], answer["previous"]) == (None, None)
    assert [shown["slug"] for shown in answer["results"]] == [kind.slug for kind in types.all_types()]
    concurrent = client.get(to("report-type", "concurrent-usage")).json()
    assert concurrent in answer["results"]
    assert concurrent["columns"] == [
        {"name": "Date", "kind": "date", "unit": ""},
        {"name": "Peak Concurrent Users", "kind": "integer", "unit": "users"},
        {"name": "Minutes at Peak", "kind": "decimal", "unit": "minutes"},
    ]
    assert [shown["slug"] for shown in concurrent["formats"]] == [known.slug for known in formats.all_formats()]
    assert {"slug": "csv", "title": "CSV", "content_type": "text/csv; charset=utf-8"} in concurrent["formats"]


def test_a_queued_job(client: ApiClient, subscription: Subscription, ana: Administrator) -> None:
    job = make_job(subscription=subscription, requested_by=ana)
    answer = client.get(to("report-job", job.pk))
    address = f"http://testserver/api/v1/report-jobs/{job.pk}/"
    job.refresh_from_db()
    assert answer["Retry-After"] == "2"
    assert answer.json() == {
        "id": str(job.pk),
        "url": address,
        "state": "queued",
        "report_type": "user-hours",
        "format": "csv",
        "totals_sheet": False,
        "subscription": "SUB-1001",
        "subscription_url": f"http://testserver/api/v1/subscriptions/{subscription.pk}/",
        "account": "ACME",
        "date_from": "2017-11-22",
        "date_through": "2017-11-22",
        "requested_at": job.requested_at.isoformat().replace("+00:00", "Z"),
        "requested_by": "ana@acme.example",
        "started_at": None,
        "finished_at": None,
        "progress": {"rows_done": 0, "rows_expected": None, "percent": None},
        "error": None,
        "result": None,
        "cancel": f"{address}cancel/",
    }


def test_a_job_that_succeeded_has_a_result(client: ApiClient, subscription: Subscription) -> None:
    sha256 = "a" * 64
    job = make_job(
        subscription=subscription,
        state=State.SUCCEEDED,
        started_at=NOW,
        finished_at=NOW,
        file="reports/x.csv",
        file_bytes=120,
        file_rows=3,
        file_sha256=sha256,
        file_as_of=NOW - timedelta(seconds=1),
    )
    answer = client.get(to("report-job", job.pk))
    address = f"http://testserver/api/v1/report-jobs/{job.pk}/"
    assert "Retry-After" not in answer
    assert answer.json()["cancel"] is None
    assert answer.json()["result"] == {
        "format": "csv",
        "bytes": 120,
        "rows": 3,
        "sha256": sha256,
        "as_of": "2017-11-24T10:03:59Z",
        "file": f"{address}file/",
        "manifest": f"{address}manifest/",
        "expires_at": "2017-12-24T10:04:00Z",
    }
    job.file = ""
    job.save()
    assert client.get(to("report-job", job.pk)).json()["result"]["file"] is None


@pytest.mark.parametrize(
    ("state", "rows_done", "rows_expected", "percent"),
    [
        (State.QUEUED, 0, None, None),
        (State.RUNNING, 0, None, None),
        (State.RUNNING, 0, 3, 0),
        (State.RUNNING, 2, 3, 66),
        (State.RUNNING, 999_999, 1_000_000, 99),
        (State.RUNNING, 3, 3, 99),
        (State.RUNNING, 0, 0, 99),
        (State.FAILED, 3, 3, 99),
        (State.SUCCEEDED, 3, 3, 100),
        (State.SUCCEEDED, 0, None, 100),
    ],
)
def test_only_a_file_that_is_there_is_a_hundred_percent(
    client: ApiClient,
    subscription: Subscription,
    state: State,
    rows_done: int,
    rows_expected: int | None,
    percent: int | None,
) -> None:
    fields: dict[str, Any] = {"rows_done": rows_done, "rows_expected": rows_expected}
    if state == State.RUNNING:
        fields["lease_until"] = NOW
    if state in (State.SUCCEEDED, State.FAILED):
        fields |= {"finished_at": NOW, "file_bytes": 1, "file_rows": rows_done, "file_sha256": "a" * 64}
    job = make_job(subscription=subscription, state=state, **fields)
    progress = client.get(to("report-job", job.pk)).json()["progress"]
    assert progress == {"rows_done": rows_done, "rows_expected": rows_expected, "percent": percent}


def test_a_job_that_failed_says_why(client: ApiClient, subscription: Subscription) -> None:
    job = make_job(subscription=subscription, state=State.FAILED, finished_at=NOW, failure="The disk was full.")
    answer = client.get(to("report-job", job.pk)).json()
    assert answer["result"] is None
    assert answer["error"] == {
        "type": "urn:tallydesk:problem:report-failed",
        "title": "The report could not be made",
        "detail": "The disk was full.",
    }


def test_another_customers_objects_are_missing_and_their_words_in_no_answer(client: ApiClient, canary: Canary) -> None:
    other = canary.subscription
    job = make_job(subscription=other, requested_by=canary.administrator, state=State.FAILED, finished_at=NOW)
    addresses = {
        to("root"): 200,
        to("subscriptions"): 200,
        to("report-types"): 200,
        to("report-jobs"): 200,
        to("subscription", other.pk): 404,
        to("report-job", job.pk): 404,
        to("subscriptions") + "?number=CANARY-NUMBER": 200,
        to("report-jobs") + "?subscription=CANARY-NUMBER": 200,
        to("report-jobs") + "?account=CANARY-ACCOUNT-CODE": 200,
    }
    for address, status in addresses.items():
        answer = client.get(address)
        assert answer.status_code == status, address
        text = answer.content.decode().lower()
        assert CANARY.lower() not in text.replace(address.lower(), ""), address
        assert str(job.pk) not in text.replace(address, ""), address


def test_a_token_of_one_account_sees_nothing_of_its_owners_others(
    ana: Administrator, subscription: Subscription, canary: Canary
) -> None:
    ana.memberships.create(account=canary.subscription.account)
    narrow, wide = program(ana, account=subscription.account), program(ana)
    address = to("subscription", canary.subscription.pk)
    assert (narrow.get(address).status_code, wide.get(address).status_code) == (404, 200)
    assert [len(who.get(to("subscriptions")).json()["results"]) for who in (narrow, wide)] == [1, 2]


ADDRESSES = ["subscriptions", "subscription", "report-types", "report-type", "report-jobs", "report-job"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_without_a_permission_nothing_but_the_root_is_open(name: str, subscription: Subscription) -> None:
    objects: dict[str, list[object]] = {
        "subscription": [subscription.pk],
        "report-type": ["user-hours"],
        "report-job": [make_job(subscription=subscription).pk],
    }
    arguments = objects.get(name, [])
    powerless = program(make_member(subscription.account, permissions=()))
    answer = powerless.get(to(name, *arguments))
    assert answer.status_code == 403
    assert "Billing > Subscription > View" in answer.json()["detail"]
    assert powerless.get(to("root")).status_code == 200
    assert ApiClient().get(to(name, *arguments)).status_code == 401


def test_a_session_does_as_well_as_a_token(ana: Administrator, subscription: Subscription) -> None:
    browser = Client()
    browser.force_login(ana)
    assert browser.get(to("subscription", subscription.pk)).json()["number"] == "SUB-1001"


def test_the_clock_decides_the_cycle(
    client: ApiClient, subscription: Subscription, now: time_machine.Traveller
) -> None:
    now.move_to(NOW - timedelta(days=5))
    answer = client.get(to("subscription", subscription.pk)).json()
    assert answer["cycle"] == {"index": 0, "first_day": "2017-10-21", "last_day": "2017-11-21"}
    assert answer["data_available_through"] == "2017-11-18"


@pytest.mark.parametrize("name", ["subscription", "report-job"])
def test_an_object_takes_a_handful_of_queries(
    client: ApiClient,
    subscription: Subscription,
    name: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    pk = subscription.pk if name == "subscription" else make_job(subscription=subscription).pk
    client.get(to("root"))  # Records the first use of the token.
    # The token, its account, two for the permissions, the object with its relations.
    with django_assert_max_num_queries(5):
        client.get(to(name, pk))
