"""Repeated requests: one key creates one job, whatever was lost on the way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.functions import Now

from billing.models import Administrator, Membership, Subscription
from reports.models import IdempotencyKey, ReportJob
from reports.tasks import forget_idempotency_keys
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.factories import make_account, make_subscription
from tests.people import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

ORDER = {"report_type": "user-hours", "subscription": "SUB-1001"}
AGE = timedelta(hours=24, seconds=1)


def ask(client: ApiClient, key: str | None = "nightly-1", **changes: Any) -> Any:
    headers = None if key is None else {"Idempotency-Key": key}
    return client.post_json(to("report-jobs"), {**ORDER, **changes}, headers=headers)


def test_the_same_request_again_gets_the_same_answer_and_makes_nothing(client: ApiClient) -> None:
    first = ask(client)
    ReportJob.objects.get().cancel()  # what happened since does not show
    again = ask(client)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert [answer.get("Idempotency-Replayed") for answer in (first, again)] == [None, "true"]
    for header in ("Location", "Retry-After", "Content-Type"):
        assert first[header] == again[header]
    assert ReportJob.objects.count() == 1


def test_without_a_key_each_request_is_a_new_one(client: ApiClient) -> None:
    first = ask(client, key=None).json()
    ReportJob.objects.get().cancel()
    assert ask(client, key=None).json()["id"] != first["id"]
    assert not IdempotencyKey.objects.exists()


def test_under_another_key_the_same_report_under_way_is_joined_and_the_key_stands_for_it(client: ApiClient) -> None:
    first, second = ask(client, key="one"), ask(client, key="two")
    assert (first.json()["joined"], second.json()["joined"]) == (False, True)
    assert first.json()["id"] == second.json()["id"]
    again = ask(client, key="two")
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (202, second.content, "true")


def test_the_order_and_spacing_of_a_body_make_no_other_request(client: ApiClient) -> None:
    ask(client)
    headers = {"Idempotency-Key": "nightly-1"}
    body = '{ "subscription": "SUB-1001",\n "report_type": "user-hours" }'
    again = client.post(to("report-jobs"), body, content_type="application/json", headers=headers)
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("changes", [{"report_type": "concurrent-usage"}, {"format": "csv"}, {"report_type": "none"}])
def test_another_body_under_the_same_key_is_refused(client: ApiClient, changes: dict[str, str]) -> None:
    ask(client)
    answer = ask(client, **changes)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:tallydesk:problem:idempotency-key-reused"
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert ReportJob.objects.count() == 1


def test_a_refused_request_leaves_its_key_free(client: ApiClient) -> None:
    assert ask(client, report_type="none").status_code == 400
    assert ask(client).status_code == 202


def test_a_key_is_one_administrators_own(client: ApiClient, ana: Administrator, subscription: Subscription) -> None:
    ask(client)
    assert "Idempotency-Replayed" in ask(program(ana))  # with another token
    bruno = program(make_member(subscription.account))
    assert "Idempotency-Replayed" not in ask(bruno)
    assert IdempotencyKey.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "two words", "k" * 256, "schlüssel", "tab\tbed", "\x7f"])
def test_what_is_no_key_is_refused(client: ApiClient, key: str) -> None:
    answer = ask(client, key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("key", ["k" * 255, "!~", '"quoted"', "%00", "a,b"])
def test_a_key_is_any_visible_characters(client: ApiClient, key: str) -> None:
    assert ask(client, key=key).json() == ask(client, key=key).json()


def test_a_key_stands_for_a_day(client: ApiClient) -> None:
    first = ask(client)
    IdempotencyKey.objects.update(created_at=Now() - AGE)
    second = ask(client, report_type="concurrent-usage")
    assert second.status_code == 202
    assert "Idempotency-Replayed" not in second
    assert first.json()["id"] != second.json()["id"]
    assert IdempotencyKey.objects.get().job_id == ReportJob.objects.get(report_type="concurrent-usage").pk


def test_old_keys_are_forgotten_in_time(client: ApiClient) -> None:
    ask(client, key="old")
    IdempotencyKey.objects.update(created_at=Now() - AGE)
    ask(client, key="new")
    forget_idempotency_keys()
    assert [key.key for key in IdempotencyKey.objects.all()] == ["new"]


def test_a_replay_is_for_who_may_still_ask(client: ApiClient, ana: Administrator, subscription: Subscription) -> None:
    ask(client)
    other = program(ana, account=_another_account(ana))
    narrowed = ask(other)
    assert narrowed.status_code == 400
    assert narrowed.json()["errors"] == [{"field": "subscription", "detail": "There is no such subscription."}]
    assert ask(program(ana, is_read_only=True)).status_code == 403
    ana.user_permissions.clear()
    assert ask(client).status_code == 403
    ana.user_permissions.set(Permission.objects.filter(codename="view_subscription"))
    Membership.objects.filter(administrator=ana, account=subscription.account).delete()
    assert ask(client).status_code == 400
    assert ReportJob.objects.count() == 1


def _another_account(administrator: Administrator) -> Any:
    account = make_account()
    make_subscription(account=account)
    Membership.objects.create(administrator=administrator, account=account)
    return account


@pytest.fixture
def together(client: ApiClient) -> Iterator[list[Any]]:
    """Return the responses to fifty concurrent requests with one key."""
    secret = client.defaults["HTTP_AUTHORIZATION"].partition(" ")[2]
    start = threading.Barrier(50)

    def send(_number: int) -> Any:
        start.wait()
        try:
            return ask(ApiClient(secret))
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as threads:
        yield list(threads.map(send, range(50)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_fifty_at_once_one_makes_the_job_and_all_get_its_answer(together: list[Any]) -> None:
    assert {answer.status_code for answer in together} == {202}
    job = ReportJob.objects.get()
    assert {answer.json()["id"] for answer in together} == {str(job.pk)}
    assert len([answer for answer in together if "Idempotency-Replayed" not in answer]) == 1
