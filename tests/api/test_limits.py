"""Limits of the API: requests per minute for callers and accounts, and the number of queued jobs."""

import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from billing.models import Administrator, Subscription
from reports.api import throttling
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.factories import make_account, make_subscription
from tests.people import make_member, make_staff
from tests.processes import free_port
from tests.report_jobs import make_job
from tests.waiting import FOREVER_SECONDS, guarded

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture(autouse=True)
def fresh_counters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use counters that no other test uses, on connections that are closed afterwards."""
    monkeypatch.setattr(throttling, "KEY_PREFIX", uuid.uuid4().hex)
    throttling._storage.cache_clear()
    yield
    throttling._storage.cache_clear()


@pytest.fixture
def another_subscription(ana: Administrator) -> Subscription:
    """Return a subscription of a second account that Ana is a member of."""
    subscription = make_subscription(account=make_account())
    ana.memberships.create(account=subscription.account)
    return subscription


def left(answer: Any) -> tuple[int, ...]:
    """Return the `RateLimit` headers of a response as numbers."""
    return tuple(int(answer[name]) for name in HEADERS)


def asked(client: Client, subscription: Subscription, *, days: int = 1, **more: Any) -> Any:
    """Return the response to a request for a report; each number of days is a different report."""
    order = {
        "report_type": "user-hours",
        "subscription": subscription.number,
        "date_from": "2017-10-21",
        "date_through": f"2017-11-{days:02}",
    }
    return client.post(to("report-jobs"), order, content_type="application/json", **more)


def test_the_request_over_the_limit_of_a_token_is_refused_until_the_minute_is_over(
    client: ApiClient, ana: Administrator, settings: Any, now: time_machine.Traveller
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 2
    now.shift(18.5)
    assert left(client.get(to("root"))) == (2, 1, 42)
    assert left(client.get(to("root"))) == (2, 0, 42)
    refused = client.get(to("root"))
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["type"] == "urn:tallydesk:problem:rate-limited"
    assert refused.json()["detail"] == "A token may make 2 requests per minute. Try again in 42 seconds."
    assert (refused["Retry-After"], left(refused)) == ("42", (2, 0, 42))
    assert program(ana).get(to("root")).status_code == 200  # another token of the same administrator
    now.shift(42)
    assert left(client.get(to("root"))) == (2, 1, 60)


def test_the_tokens_of_an_account_share_its_limit(client: ApiClient, subscription: Subscription, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 2
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 5
    colleague = program(make_member(subscription.account))
    assert left(client.get(to("root")))[:2] == (2, 1)
    assert left(colleague.get(to("root")))[:2] == (2, 0)
    refused = client.get(to("root"))
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith("An account may make 2 requests per minute.")
    stranger = program(make_member(make_account()))
    assert stranger.get(to("root")).status_code == 200


def test_a_token_that_is_refused_by_its_own_limit_costs_its_account_nothing(
    client: ApiClient, subscription: Subscription, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 1
    settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 3
    assert [client.get(to("root")).status_code for _ in range(5)] == [200, 429, 429, 429, 429]
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 100
    colleague = program(make_member(subscription.account))
    assert left(colleague.get(to("root")))[:2] == (3, 1)


def test_who_sees_several_accounts_is_counted_for_the_one_that_the_request_is_about(
    client: ApiClient, subscription: Subscription, another_subscription: Subscription, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 3
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 100
    assert left(client.get(to("subscriptions")))[0] == 100
    assert left(client.get(to("subscription", subscription.pk)))[:2] == (3, 2)
    assert left(client.get(to("report-job", make_job(subscription=subscription).pk)))[:2] == (3, 1)
    assert left(asked(client, subscription))[:2] == (3, 0)
    assert asked(client, subscription).status_code == 429
    assert ReportJob.objects.count() == 2
    assert left(client.get(to("subscription", another_subscription.pk)))[:2] == (3, 2)


def test_a_token_for_one_account_is_counted_for_it_whatever_the_request(
    ana: Administrator, another_subscription: Subscription, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 3
    narrow = program(ana, account=another_subscription.account)
    assert left(narrow.get(to("root")))[:2] == (3, 2)
    assert left(narrow.get(to("subscription", another_subscription.pk)))[:2] == (3, 1)
    assert narrow.get(to("subscription", 0)).status_code == 404
    assert narrow.get(to("root")).status_code == 429


def test_platform_staff_are_counted_for_the_account_of_an_object_alone(
    subscription: Subscription, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 2
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 100
    staff = program(make_staff())
    assert left(staff.get(to("subscriptions")))[0] == 100
    assert left(staff.get(to("subscription", subscription.pk)))[0] == 2


def test_a_session_is_counted_as_its_administrator(ana: Administrator, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 1
    browser, another = Client(), Client()
    browser.force_login(ana)
    another.force_login(ana)
    assert browser.get(to("root")).status_code == 200
    refused = another.get(to("root"))
    assert (refused.status_code, refused.json()["detail"][:16]) == (429, "An administrator")
    assert program(ana).get(to("root")).status_code == 200


def test_every_answer_to_somebody_says_what_is_left_and_counts(client: ApiClient, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 100
    without = program(make_member(make_account(), permissions=()))
    assert left(without.get(to("report-jobs")))[:2] == (100, 99)  # 403
    answers = [
        client.get(to("root")),
        client.get(to("report-job", uuid.uuid4())),
        client.get(to("root"), {"unknown": "1"}),
        client.delete(to("root")),
        client.get(to("root"), headers={"Accept": "text/csv"}),
        client.post(to("report-jobs"), "no JSON", content_type="application/json"),
        client.post(to("report-jobs"), "text", content_type="text/plain"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 405, 406, 400, 415]
    assert [left(answer)[1] for answer in answers] == [99, 98, 97, 96, 95, 94, 93]


def test_nobody_is_not_counted(db: None) -> None:
    answer = ApiClient("tally_unknown").get(to("root"))
    assert answer.status_code == 401
    assert not any(name in answer for name in HEADERS)


def test_zero_is_no_limit(client: ApiClient, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 0
    answer = client.get(to("root"))
    assert answer.status_code == 200
    assert not any(name in answer for name in HEADERS)


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_is_frozen_refuses_no_request_and_holds_up_only_the_first(
    client: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 1
    settings.BROKER_PAUSE_SECONDS = FOREVER_SECONDS
    with socket.create_server(("127.0.0.1", 0)) as server:  # Accepts connections and never responds.
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        with guarded("requests are answered without Redis"):
            assert_not_counted([client.get(to("root")) for _ in range(3)])
        server.setblocking(False)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):  # there was one connection
            server.accept()


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_is_away_refuses_no_request_and_is_asked_by_the_first_alone(
    client: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_REQUESTS_PER_MINUTE_PER_TOKEN = 1
    settings.BROKER_PAUSE_SECONDS = FOREVER_SECONDS
    address = ("127.0.0.1", free_port())
    settings.REDIS_URL = f"redis://127.0.0.1:{address[1]}/0"
    answers = [client.get(to("root"))]
    with socket.create_server(address) as server:
        with guarded("requests are answered without Redis"):
            answers += [client.get(to("root")) for _ in range(2)]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert_not_counted(answers)


def assert_not_counted(answers: list[Any]) -> None:
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name in answer for name in HEADERS for answer in answers)


def test_a_token_with_too_many_jobs_in_the_queue_is_refused(
    client: ApiClient, ana: Administrator, subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_TOKEN = 2
    assert [asked(client, subscription, days=days).status_code for days in (1, 2)] == [202, 202]
    refused = asked(client, subscription, days=3)
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    assert refused.json()["type"] == "urn:tallydesk:problem:too-many-jobs"
    assert refused.json()["detail"].startswith("Too many reports requested with this token are waiting: 2 (limit: 2).")
    assert asked(program(ana), subscription, days=3).status_code == 202
    ReportJob.objects.claim(ReportJob.objects.earliest("requested_at").pk)
    assert asked(client, subscription, days=4).status_code == 202  # Running jobs are not queued.


def test_whoever_joins_a_report_that_waits_adds_none_to_the_queue(
    client: ApiClient, ana: Administrator, subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_TOKEN = settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 1
    for caller in (client, client, program(ana), program(make_member(subscription.account))):
        assert asked(caller, subscription).status_code == 202
    assert asked(client, subscription, days=2).status_code == 429
    assert ReportJob.objects.count() == 1


def test_an_account_with_too_many_jobs_in_the_queue_is_refused_and_another_is_not(
    client: ApiClient, subscription: Subscription, another_subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 1
    assert asked(program(make_member(subscription.account)), subscription).status_code == 202
    refused = asked(client, subscription, days=2)
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith("Too many reports of this account are waiting: 1 (limit: 1).")
    assert asked(client, another_subscription).status_code == 202


def test_a_request_that_was_answered_is_answered_again_however_many_jobs_wait(
    client: ApiClient, subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 1
    key: dict[str, Any] = {"headers": {"Idempotency-Key": "nightly-1"}}
    first = asked(client, subscription, **key)
    again = asked(client, subscription, **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert asked(client, subscription, days=2).status_code == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_twenty_requests_at_once_as_many_get_a_job_as_may_wait(settings: Any) -> None:
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 7
    subscription = make_subscription()
    programs = [program(make_member(subscription.account)) for _ in range(20)]
    barrier = threading.Barrier(len(programs))
    statuses: list[int] = []

    def ask(client: ApiClient, days: int) -> None:
        try:
            barrier.wait()
            statuses.append(asked(client, subscription, days=days).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(client, days)) for days, client in enumerate(programs, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202] * 7 + [429] * 13
    assert ReportJob.objects.count() == 7
