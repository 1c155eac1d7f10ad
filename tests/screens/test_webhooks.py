"""Webhooks under Account settings: the list, one endpoint with its log, and the actions on them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import Administrator, Subscription
from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from reports.screens.webhooks.cards import MOST_ATTEMPTS
from reports.screens.webhooks.changes import MOST_TESTS
from reports.screens.webhooks.forms import MOST_OF_AN_ACCOUNT
from tests.acme import NOW, make_acme
from tests.factories import make_account
from tests.people import make_member, make_staff
from tests.screens.pages import words
from tests.webhook_deliveries import make_delivery, make_endpoint, make_message

URL = "https://hooks.example.com/tally"
ALL = reverse("account_settings:webhooks")
NEW = reverse("account_settings:webhook-new")
EVENTS = ["report_job.succeeded", "report_job.failed"]
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the IDs of the published deliveries."""
    told: list[int] = []
    monkeypatch.setattr("reports.screens.webhooks.changes.publish_task", lambda _task, pk: told.append(pk))
    return told


@pytest.fixture
def dan_client(subscription: Subscription) -> Client:
    """Return a browser in which Dan is signed in, who may change webhooks."""
    client = Client()
    client.force_login(make_member(subscription.account, permissions=("add_subscription",), email="dan@acme.example"))
    return client


@pytest.fixture
def endpoint(subscription: Subscription) -> WebhookEndpoint:
    return make_endpoint(account=subscription.account, url=URL, description="The warehouse", created_at=NOW)


def to(action: str, row: Any) -> str:
    return reverse(f"account_settings:webhook{action and '-'}{action}", args=[row.pk])


def test_a_new_endpoint_shows_its_secret_once(dan_client: Client, subscription: Subscription) -> None:
    posted = {"url": "https://HOOKS.example.com:443/tally", "description": "The warehouse", "events": EVENTS}
    made = dan_client.post(NEW, posted)
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.account, endpoint.url, endpoint.events) == (subscription.account, URL, EVENTS)
    assert endpoint.created_by is not None
    assert endpoint.created_by.email == "dan@acme.example"
    assert SECRET.findall(made.content.decode()) == [endpoint.secret]
    for page in (ALL, to("", endpoint), to("edit", endpoint), to("rotate", endpoint)):
        assert "whsec_" not in dan_client.get(page).content.decode()
    # Submitting the same form again creates no second one.
    again = dan_client.post(NEW, posted)
    assert again.status_code == 422
    assert "already has a webhook with this URL" in words(again)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": ""}, "Enter the URL"),
        ({"url": "http://hooks.example.com/"}, "The URL must begin with https://."),
        ({"url": "https://169.254.169.254/latest/"}, "The host's address is not public."),
        ({"url": "https://localhost/"}, "a full name"),
        ({"events": []}, "Choose at least one event."),
        ({"events": ["job.made"]}, "This event does not exist."),
        ({"description": "x" * 256}, "The description can have at most 255 characters."),
    ],
)
def test_what_is_not_possible_is_said_beside_its_field(
    dan_client: Client, fields: dict[str, Any], sentence: str
) -> None:
    refused = dan_client.post(NEW, {"url": URL, "events": EVENTS, "description": "Kept", **fields})
    assert refused.status_code == 422
    assert sentence in words(refused)
    assert not WebhookEndpoint.objects.exists()
    if "description" not in fields:
        assert "Kept" in refused.content.decode()


def test_more_webhooks_than_the_limit_are_refused(dan_client: Client, subscription: Subscription) -> None:
    for _number in range(MOST_OF_AN_ACCOUNT):
        make_endpoint(account=subscription.account)
    refused = dan_client.post(NEW, {"url": URL, "events": EVENTS})
    assert refused.status_code == 422
    assert "reached the limit" in words(refused)


def test_who_sees_several_accounts_says_for_which(subscription: Subscription) -> None:
    other, stranger = make_account(code="GLOBEX", name="Globex"), make_account(code="OTHER")
    client = Client()
    client.force_login(make_member(subscription.account, other, permissions=("all_permissions",)))
    assert "Choose an account." in words(client.post(NEW, {"url": URL, "events": EVENTS}))
    for code in ("OTHER", "STRANGER"):
        refused = client.post(NEW, {"url": URL, "events": EVENTS, "account": code})
        assert f"You have no account with the code “{code}”." in words(refused)
    assert client.post(NEW, {"url": URL, "events": EVENTS, "account": "GLOBEX"}).status_code == 200
    assert WebhookEndpoint.objects.get().account == other
    assert not WebhookEndpoint.objects.filter(account=stranger).exists()


def test_an_endpoint_is_edited_and_keeps_its_account_and_secret(dan_client: Client, endpoint: WebhookEndpoint) -> None:
    other = make_account(code="OTHER")
    changed = {"url": f"{URL}/2", "description": "", "events": ["report_job.expired"], "account": other.code}
    assert dan_client.post(to("edit", endpoint), changed).status_code == 302
    after = WebhookEndpoint.objects.get()
    assert (after.url, after.description, after.events) == (f"{URL}/2", "", ["report_job.expired"])
    assert (after.account, after.secret) == (endpoint.account, endpoint.secret)
    assert dan_client.post(to("edit", endpoint), {**changed, "url": "ftp://x"}).status_code == 422


def test_a_rotation_shows_the_new_secret_once_and_happens_once(dan_client: Client, endpoint: WebhookEndpoint) -> None:
    old = endpoint.secret
    mark = re.search(r'name="mark" value="(\w+)"', dan_client.get(to("rotate", endpoint)).content.decode())
    assert mark is not None
    rotated = dan_client.post(to("rotate", endpoint), {"mark": mark[1]})
    endpoint.refresh_from_db()
    assert endpoint.secret != old
    assert endpoint.previous_secret == old
    assert SECRET.findall(rotated.content.decode()) == [endpoint.secret]
    new = endpoint.secret
    assert "stops working at once" in words(dan_client.get(to("rotate", endpoint)))
    again = dan_client.post(to("rotate", endpoint), {"mark": mark[1]}, follow=True)
    endpoint.refresh_from_db()
    assert (endpoint.secret, endpoint.previous_secret) == (new, old)
    assert "already been rotated" in again.content.decode()


def test_an_endpoint_is_disabled_enabled_and_deleted(dan_client: Client, endpoint: WebhookEndpoint) -> None:
    waiting = make_delivery(endpoint=endpoint)
    page = dan_client.post(to("disable", endpoint), follow=True)
    assert "Disabled by dan@acme.example." in words(page)
    waiting.refresh_from_db()
    assert waiting.state == DeliveryState.SKIPPED
    assert "Enable it first" in dan_client.post(to("test", endpoint), follow=True).content.decode()
    assert "Enable it first" in dan_client.post(to("delivery-again", waiting), follow=True).content.decode()
    dan_client.post(to("enable", endpoint))
    assert WebhookEndpoint.objects.enabled().get() == endpoint
    assert "cannot be undone" in words(dan_client.get(to("delete", endpoint)))
    assert WebhookEndpoint.objects.exists()
    dan_client.post(to("delete", endpoint))
    assert not WebhookEndpoint.objects.exists()


def test_a_delivery_shows_its_latest_attempts_however_many_there_are(
    dan_client: Client, endpoint: WebhookEndpoint
) -> None:
    delivery = make_delivery(endpoint=endpoint)
    WebhookAttempt.objects.bulk_create(
        WebhookAttempt(
            account=endpoint.account,
            delivery=delivery,
            started_at=NOW + timedelta(seconds=number),
            milliseconds=1,
            error=f"Failure {number}.",
        )
        for number in range(MOST_ATTEMPTS + 1)
    )
    page = words(dan_client.get(to("delivery", delivery)))
    assert f"Failure {MOST_ATTEMPTS}." in page
    assert "Failure 1." in page
    assert "Failure 0." not in page


def test_the_number_of_test_messages_is_limited(dan_client: Client, endpoint: WebhookEndpoint) -> None:
    for _number in range(MOST_TESTS):
        dan_client.post(to("test", endpoint))
    WebhookDelivery.objects.update(state=DeliveryState.DELIVERED, next_attempt_at=None)
    assert "in the last minute" in words(dan_client.post(to("test", endpoint), follow=True))
    assert WebhookDelivery.objects.count() == MOST_TESTS
    WebhookDelivery.objects.update(created_at=Now() - timedelta(minutes=2))
    dan_client.post(to("test", endpoint))
    assert WebhookDelivery.objects.count() == MOST_TESTS + 1
    WebhookDelivery.objects.update(state=DeliveryState.WAITING, next_attempt_at=Now(), created_at=Now() - timedelta(1))
    dan_client.post(to("test", endpoint))
    assert WebhookDelivery.objects.count() == MOST_TESTS + 1


def test_a_test_message_leads_to_its_log_and_can_be_sent_again(
    dan_client: Client, endpoint: WebhookEndpoint, hints: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        page = dan_client.post(to("test", endpoint), follow=True)
    delivery = WebhookDelivery.objects.get()
    assert hints == [delivery.pk]
    assert "Test message" in words(page)
    assert delivery.message_id in words(page)
    WebhookDelivery.objects.update(state=DeliveryState.FAILED, next_attempt_at=None, tries=8)
    with django_capture_on_commit_callbacks(execute=True):
        dan_client.post(to("delivery-again", delivery))
    assert hints == [delivery.pk] * 2
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (DeliveryState.WAITING, 0)


def test_the_log_shows_each_attempt_and_what_came_back_as_text(ana_client: Client, endpoint: WebhookEndpoint) -> None:
    delivery = make_delivery(
        endpoint=endpoint,
        message=make_message(account=endpoint.account, type="report_job.failed"),
        tries=2,
        created_at=NOW,
        next_attempt_at=NOW + timedelta(minutes=5),
    )
    for error, status, answer in (
        ("It answered 500.", 500, "<script>alert(1)</script>"),
        ("The connection was refused.", None, ""),
    ):
        WebhookAttempt.objects.create(
            account=endpoint.account,
            delivery=delivery,
            started_at=NOW,
            milliseconds=1234,
            status_code=status,
            error=error,
            answer=answer,
        )
    listed = words(ana_client.get(to("", endpoint)))
    assert "Report failed" in listed
    assert "next attempt 10:09" in listed
    page = ana_client.get(to("delivery", delivery))
    for text in ("It answered 500.", "The connection was refused.", "1,234 ms", "attempt 2 of 8", "10:04:00"):
        assert text in words(page)
    assert "<script>alert" not in page.content.decode()
    assert "&lt;script&gt;alert" in page.content.decode()


def test_who_only_views_is_offered_no_change(ana_client: Client, endpoint: WebhookEndpoint) -> None:
    delivery = make_delivery(endpoint=endpoint)
    for page in (ALL, to("", endpoint), to("delivery", delivery)):
        content = ana_client.get(page).content.decode()
        for change in ("webhooks/new/", "/edit/", "/rotate/", "/test/", "/disable/", "/delete/", "/again/"):
            assert change not in content


def test_why_an_endpoint_is_disabled_or_fails_is_on_its_page(ana_client: Client, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(failing_since=NOW - timedelta(days=1))
    assert "failing since 23 Nov, 10:04" in words(ana_client.get(ALL))
    assert "No message has been delivered since the first failure" in words(ana_client.get(to("", endpoint)))
    endpoint.disable("Every delivery failed for 3 days.")
    assert "Every delivery failed for 3 days." in words(ana_client.get(to("", endpoint)))


def test_staff_find_an_accounts_endpoints_a_page_at_a_time(endpoint: WebhookEndpoint) -> None:
    globex = make_acme(name="Globex").account
    for _number in range(30):
        make_endpoint(account=globex)
    client = Client()
    client.force_login(make_staff())
    assert words(client.get(ALL)).count("hooks.example.com") == 25 * 2
    assert words(client.get(ALL, {"q": "acme cont"})).count(URL) == 2
    assert "Globex" not in words(client.get(ALL, {"q": "acme cont"}))
    assert "No webhook matches “stranger”." in words(client.get(ALL, {"q": "stranger"}))


def test_lists_ask_as_often_for_many_as_for_few(dan_client: Client, subscription: Subscription) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert dan_client.get(address).status_code == 200
        return len(captured)

    endpoint = make_endpoint(account=subscription.account)
    make_delivery(endpoint=endpoint)
    few = queries(ALL), queries(to("", endpoint))
    for _number in range(5):
        make_delivery(endpoint=make_endpoint(account=subscription.account))
        make_delivery(endpoint=endpoint, created_at=timezone.now())
    assert (queries(ALL), queries(to("", endpoint))) == few


def test_another_accounts_rows_appear_nowhere(dan_client: Client, endpoint: WebhookEndpoint) -> None:
    stranger = make_endpoint(account=make_account(name="Canary"), url="https://canary.example.com/x")
    delivery = make_delivery(endpoint=stranger)
    assert "canary" not in dan_client.get(ALL, {"q": ""}).content.decode().lower()
    assert "canary.example.com" not in dan_client.get(ALL, {"q": "canary"}).content.decode()
    posts = [to(action, stranger) for action in ("edit", "rotate", "test", "disable", "delete")]
    for address in (*posts, to("delivery-again", delivery)):
        assert dan_client.post(address, {"mark": stranger.secret_mark}).status_code == 404
    stranger.refresh_from_db()
    assert stranger.is_enabled


def test_a_form_without_its_token_is_refused(endpoint: WebhookEndpoint, ana: Administrator) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(endpoint.account, permissions=("add_subscription",)))
    assert client.post(to("delete", endpoint)).status_code == 403
    assert WebhookEndpoint.objects.exists()
