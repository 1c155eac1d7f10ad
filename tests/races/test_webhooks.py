"""Webhooks: their limits and their end, for people who click at the same moment."""

from functools import partial
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from billing.models import Account
from jobs.states import State
from reports.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from reports.screens.webhooks.changes import DISABLED, MOST_TESTS, TESTED_ENOUGH
from reports.screens.webhooks.forms import MOST_OF_AN_ACCOUNT
from reports.webhooks.announce import announce_ended
from tests.concurrency import at_once, while_held
from tests.factories import make_account
from tests.people import client_of, make_member, make_staff
from tests.report_jobs import make_job
from tests.webhook_deliveries import make_delivery, make_endpoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

NEW = reverse("account_settings:webhook-new")
PEOPLE = 4


@pytest.fixture(autouse=True)
def no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.screens.webhooks.changes.publish_task", lambda _task, _pk: None)


def people(account: Account, number: int = PEOPLE) -> list[Client]:
    """Return clients of people who may change the account's webhooks."""
    return [client_of(make_member(account, permissions=("add_subscription",))) for _one in range(number)]


def form(url: str) -> dict[str, Any]:
    return {"url": url, "description": "", "events": ["report_job.succeeded"]}


def to(action: str, row: Any) -> str:
    return reverse(f"account_settings:webhook{action and '-'}{action}", args=[row.pk])


def sentences(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_an_account_has_no_more_webhooks_than_it_may() -> None:
    account = make_account()
    for _one in range(MOST_OF_AN_ACCOUNT - 1):
        make_endpoint(account=account)
    added = at_once(
        partial(client.post, NEW, form(f"https://new.example.com/{number}"))
        for number, client in enumerate(people(account))
    )
    assert sorted(response.status_code for response in added) == [200, 422, 422, 422]
    assert WebhookEndpoint.objects.filter(account=account).count() == MOST_OF_AN_ACCOUNT
    for response in added:
        assert response.status_code == 200 or "has reached the limit of 20 webhooks" in response.content.decode()


def test_an_account_has_one_webhook_of_a_url() -> None:
    account = make_account()
    added = at_once(partial(client.post, NEW, form("https://new.example.com/")) for client in people(account))
    assert sorted(response.status_code for response in added) == [200, 422, 422, 422]
    assert WebhookEndpoint.objects.count() == 1
    for response in added:
        assert response.status_code == 200 or "already has a webhook with this URL" in response.content.decode()


def test_an_endpoint_gets_no_more_test_messages_than_it_may() -> None:
    endpoint = make_endpoint()
    for _one in range(MOST_TESTS - 2):
        make_delivery(endpoint=endpoint)
    sent = at_once(partial(client.post, to("test", endpoint)) for client in people(endpoint.account))
    assert WebhookDelivery.objects.count() == MOST_TESTS
    assert sorted(map(sentences, sent)) == [[], [], [TESTED_ENOUGH], [TESTED_ENOUGH]]


@pytest.mark.parametrize("action", ["test", "delivery-again"])
def test_a_webhook_that_is_just_being_disabled_gets_no_message(action: str) -> None:
    endpoint = make_endpoint()
    delivery = make_delivery(endpoint=endpoint)
    (client,) = people(endpoint.account, 1)
    row = endpoint if action == "test" else delivery
    _disabled, refused = while_held(lambda: endpoint.disable("Somebody did."), lambda: client.post(to(action, row)))
    assert sentences(refused.result()) == [DISABLED]
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {DeliveryState.SKIPPED}


@pytest.mark.parametrize("action", ["edit", "rotate", "disable", "enable", "test", "delete", "delivery-again"])
def test_an_action_on_a_webhook_that_is_just_being_deleted_finds_none(action: str) -> None:
    endpoint = make_endpoint()
    row = make_delivery(endpoint=endpoint) if action == "delivery-again" else endpoint
    (client,) = people(endpoint.account, 1)
    sent = {**form("https://new.example.com/"), "mark": endpoint.secret_mark}
    _deleted, missed = while_held(endpoint.remove, lambda: client.post(to(action, row), sent))
    assert missed.result().status_code == 404
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_that_is_just_being_deleted_costs_no_other_its_message() -> None:
    job = make_job(state=State.FAILED, finished_at=Now())
    gone, other = (make_endpoint(account=job.account) for _one in range(2))
    WebhookEndpoint.objects.update(created_at=job.requested_at)
    _deleted, announced = while_held(gone.remove, announce_ended)
    assert announced.result() == 1
    assert WebhookDelivery.objects.get().endpoint == other


def test_a_secret_is_rotated_once_by_people_who_saw_the_same_page() -> None:
    endpoint = make_endpoint()
    mark, before = endpoint.secret_mark, endpoint.secret
    rotated = at_once(
        partial(client.post, to("rotate", endpoint), {"mark": mark}) for client in people(endpoint.account)
    )
    assert sorted(response.status_code for response in rotated) == [200, 302, 302, 302]
    endpoint.refresh_from_db()
    assert endpoint.previous_secret == before
    assert endpoint.secret in next(one for one in rotated if one.status_code == 200).content.decode()


def test_a_webhook_of_an_account_that_is_just_being_deleted_is_refused_with_a_sentence() -> None:
    account = make_account()
    staff = client_of(make_staff())

    def delete() -> None:
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).delete()

    _deleted, refused = while_held(
        delete, lambda: staff.post(NEW, {**form("https://new.example.com/"), "account": account.code})
    )
    assert refused.result().status_code == 422
    assert not WebhookEndpoint.objects.exists()
