"""Lists: pages neither lose nor repeat rows, filters ignore nothing, and the number of queries is bounded."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core import signing
from pytest_django import DjangoAssertNumQueries

from billing.models import Administrator, Subscription
from jobs.states import State
from reports import types
from reports.models import ReportJob
from tests.acme import NOW
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.canary import Canary
from tests.factories import instant, make_account, make_subscription
from tests.people import make_staff
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def jobs_at(subscription: Subscription, by: Administrator, *instants: datetime) -> list[str]:
    """Return the IDs of new jobs in the order of the list, latest first."""
    jobs = [make_job(subscription=subscription, requested_by=by, requested_at=at) for at in instants]
    return [str(job.pk) for job in sorted(jobs, key=lambda job: (job.requested_at, job.pk), reverse=True)]


def get(client: ApiClient, name: str = "report-jobs", **query: Any) -> Any:
    return client.get(f"{to(name)}?{urlencode(query, doseq=True)}")


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [shown["id"] for shown in answer.json()["results"]]


def walk(client: ApiClient, page: Any, link: str = "next") -> list[list[str]]:
    """Return the IDs of each page from this one on."""
    pages = [ids(page)]
    while address := page.json()[link]:
        page = client.get(address)
        pages.append(ids(page))
    return pages


def errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 400, answer.content
    assert answer.json()["type"] == "urn:tallydesk:problem:validation-failed"
    return {error.pop("field"): error for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    "minutes", [range(11), [0] * 11, [0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3]], ids=["apart", "tied", "both"]
)
def test_the_pages_hold_every_row_once_in_both_directions(
    client: ApiClient, subscription: Subscription, ana: Administrator, minutes: list[int]
) -> None:
    expected = jobs_at(subscription, ana, *[NOW + timedelta(minutes=minute) for minute in minutes])
    first = get(client, page_size=4)
    assert first.json()["previous"] is None
    forth = walk(client, first)
    assert forth == [expected[:4], expected[4:8], expected[8:]]
    last = client.get(client.get(first.json()["next"]).json()["next"])
    back = walk(client, last, "previous")
    assert back == [expected[8:], expected[4:8], expected[:4]]
    assert client.get(last.json()["previous"]).json()["next"] is not None


def test_jobs_ordered_meanwhile_move_no_page(client: ApiClient, subscription: Subscription, ana: Administrator) -> None:
    expected = jobs_at(subscription, ana, *[NOW] * 6)
    first = get(client, page_size=3)
    later = jobs_at(subscription, ana, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2))
    second = client.get(first.json()["next"])
    assert ids(first) + ids(second) == expected
    assert ids(client.get(second.json()["previous"])) == expected[:3]
    assert ids(get(client, page_size=2)) == later


def test_a_full_last_page_leads_nowhere(client: ApiClient, subscription: Subscription, ana: Administrator) -> None:
    jobs_at(subscription, ana, *[NOW] * 4)
    first = get(client, page_size=2)
    assert client.get(first.json()["next"]).json()["next"] is None
    assert get(client, page_size=4).json()["next"] is None


def test_pages_keep_the_filters(client: ApiClient, subscription: Subscription, ana: Administrator) -> None:
    expected = jobs_at(subscription, ana, *[NOW] * 3)
    make_job(subscription=subscription, requested_by=ana, report_type="concurrent-usage", requested_at=NOW)
    pages = walk(client, get(client, page_size=1, report_type="user-hours"))
    assert pages == [[expected_id] for expected_id in expected]


def test_subscriptions_come_in_the_order_of_their_numbers(ana: Administrator) -> None:
    for number in ("Ä", "b", "B", "10", "9"):
        make_subscription(account=make_account(), number=number)
    staff = program(make_staff())
    pages, address = [], f"{to('subscriptions')}?page_size=2"
    while address:
        answer = staff.get(address).json()
        pages.append([shown["number"] for shown in answer["results"]])
        address = answer["next"]
    assert pages == [["10", "9"], ["B", "SUB-1001"], ["b", "Ä"]]


@pytest.mark.parametrize("size", ["0", "101", "-1", "x", "1.0", "1e1", " 5", "9" * 5000, "٣"])
def test_a_page_has_from_one_to_a_hundred_rows(client: ApiClient, size: str) -> None:
    for name in ("report-jobs", "subscriptions"):
        assert errors(get(client, name, page_size=size)) == {
            "page_size": {"detail": "Give a whole number from 1 to 100."}
        }


def test_without_a_size_a_page_has_twenty_five_rows(
    client: ApiClient, subscription: Subscription, ana: Administrator
) -> None:
    jobs_at(subscription, ana, *[NOW] * 101)
    assert len(ids(get(client))) == 25
    assert len(ids(get(client, page_size=100))) == 100


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "a:b:c",
        "é",
        "W10:1abc:x",
        ":" * 500,
        "A" * 5000,
        "😀",
    ],
)
def test_a_made_up_cursor_is_refused(client: ApiClient, cursor: str) -> None:
    assert errors(get(client, cursor=cursor)) == {
        "cursor": {"detail": "This is not a cursor of this list. Take the URL from the list's `next` or `previous`."}
    }


def test_a_changed_cursor_is_refused(client: ApiClient, subscription: Subscription, ana: Administrator) -> None:
    jobs_at(subscription, ana, NOW, NOW)
    address = get(client, page_size=1).json()["next"]
    cursor = address.partition("cursor=")[2].partition("&")[0]
    payload, rest = cursor.split("%3A", 1)
    changed = signing.b64_encode(b'[["2017-01-01","x"],false]').decode()
    for spoiled in (cursor[:-1], f"{changed}%3A{rest}", f"{payload}%3A{rest}x"):
        assert errors(client.get(address.replace(cursor, spoiled)))
    assert errors(client.get(f"{to('subscriptions')}?cursor={cursor}"))  # another list's


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"user", "peak", "other"}),
        ({"report_type": "user-hours"}, {"user", "other"}),
        ({"report_type": ["user-hours", "concurrent-usage"]}, {"user", "peak", "other"}),
        ({"state": "failed"}, {"peak"}),
        ({"state": ["failed", "queued"]}, {"user", "peak", "other"}),
        ({"subscription": "SUB-1001"}, {"user", "peak"}),
        ({"subscription": "sub-1001"}, set()),
        ({"subscription": " SUB-1001"}, {"user", "peak"}),  # a number is trimmed, as everywhere
        ({"account": "ACME"}, {"user", "peak"}),
        ({"account": "STRANGER"}, set()),
        ({"requested_from": "2017-11-22"}, {"peak", "other"}),
        ({"requested_through": "2017-11-21"}, {"user"}),
        ({"requested_through": "2017-11-22"}, {"user", "peak"}),
        ({"requested_from": "2017-11-22", "requested_through": "2017-11-22"}, {"peak"}),
        ({"requested_from": "2017-11-23", "requested_through": "2017-11-22"}, set()),
        ({"requested_from": "0001-01-01", "requested_through": "9999-12-31"}, {"user", "peak", "other"}),
        ({"report_type": "user-hours", "subscription": "SUB-1001", "state": "queued"}, {"user"}),
    ],
)
def test_filters_of_report_jobs(subscription: Subscription, query: dict[str, Any], found: set[str]) -> None:
    staff = make_staff()
    jobs = {
        "user": make_job(
            subscription=subscription, requested_by=staff, requested_at=instant("2017-11-21T23:59:59.999")
        ),
        "peak": make_job(
            subscription=subscription,
            requested_by=staff,
            requested_at=instant("2017-11-22T00:00"),
            report_type="concurrent-usage",
            state=State.FAILED,
            finished_at=NOW,
        ),
        "other": make_job(
            subscription=make_subscription(), requested_by=staff, requested_at=instant("2017-11-23T00:00")
        ),
    }
    assert set(ids(get(program(staff), **query))) == {str(jobs[name].pk) for name in found}


def test_filters_of_subscriptions(subscription: Subscription) -> None:
    make_subscription(account=make_account(code="NORTH"), number="N 1/2&3")
    staff = program(make_staff())
    for query, numbers in (
        ({"number": "N 1/2&3"}, ["N 1/2&3"]),
        ({"account": "ACME"}, ["SUB-1001"]),
        ({"account": "ACME", "number": "N 1/2&3"}, []),
    ):
        answer = get(staff, "subscriptions", **query).json()
        assert [shown["number"] for shown in answer["results"]] == numbers
    shown = get(staff, "subscriptions", number="N 1/2&3").json()["results"][0]
    assert shown["report_jobs"].endswith("?subscription=N+1%2F2%263")
    assert staff.get(shown["report_jobs"]).status_code == 200


def test_a_value_that_nothing_can_have_is_refused_with_those_that_there_are(client: ApiClient) -> None:
    answer = errors(get(client, state=["queued", "done"], report_type="none"))
    assert answer == {
        "state": {"detail": "There is no state done.", "allowed": [state.value for state in State]},
        "report_type": {
            "detail": "There is no report type none.",
            "allowed": [report_type.slug for report_type in types.all_types()],
        },
    }


@pytest.mark.parametrize("day", ["2017-11-1", "20171101", "yesterday", "01/11/2017", "2017-11-31", "2017-11-01T00:00"])
def test_a_day_is_written_in_one_way(client: ApiClient, day: str) -> None:
    for name in ("requested_from", "requested_through"):
        assert errors(get(client, **{name: day})) == {name: {"detail": "Give a day as YYYY-MM-DD."}}


def test_no_parameter_is_ignored(client: ApiClient) -> None:
    twice = errors(client.get(f"{to('report-jobs')}?subscription=a&subscription=b"))
    assert twice == {"subscription": {"detail": "Give this parameter only once."}}
    empty = errors(client.get(f"{to('report-jobs')}?state=&account=&page_size=&cursor="))
    assert set(empty) == {"state", "account", "page_size", "cursor"}
    unknown = errors(client.get(f"{to('report-jobs')}?status=queued"))["status"]
    assert "state" in unknown["allowed"]
    assert set(errors(client.get(f"{to('subscriptions')}?state=queued"))) == {"state"}
    assert set(errors(client.get(f"{to('report-types')}?page_size=5"))) == {"page_size"}


def test_an_odd_text_finds_nothing(client: ApiClient) -> None:
    for text in ("%", "_", "'", "é", "x" * 5000, "\x7f", "😀"):
        for name in ("subscription", "account"):
            assert ids(client.get(f"{to('report-jobs')}?{name}={quote(text)}")) == []
    assert ids(client.get(f"{to('report-jobs')}?subscription=%ED%A0%80%FF")) == []


def test_a_list_shows_what_the_object_shows(client: ApiClient, subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    for name, key in (("report-job", job.pk), ("subscription", subscription.pk)):
        assert get(client, f"{name}s").json()["results"] == [client.get(to(name, key)).json()]


def test_another_customers_rows_are_on_no_page(
    client: ApiClient, subscription: Subscription, ana: Administrator, canary: Canary
) -> None:
    own = jobs_at(subscription, ana, NOW, NOW, NOW)
    jobs_at(canary.subscription, canary.administrator, *[NOW] * 5)
    assert walk(client, get(client, page_size=1)) == [[own_id] for own_id in own]


@pytest.mark.parametrize("name", ["report-jobs", "subscriptions"])
def test_a_page_takes_as_many_queries_for_a_hundred_rows_as_for_one(
    name: str, subscription: Subscription, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    staff = make_staff()
    client = program(staff)
    make_job(subscription=subscription, requested_by=staff)
    client.get(to("root"))  # Records the first use of the token.
    with django_assert_num_queries(2):  # the token and the page: a superuser's permissions take none
        assert len(ids(get(client, name, page_size=100))) == 1
    for _number in range(99):
        make_job(subscription=make_subscription(), requested_by=staff)
    assert ReportJob.objects.count() == 100
    with django_assert_num_queries(2):
        assert len(ids(get(client, name, page_size=100))) == 100
