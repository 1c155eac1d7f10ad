"""From the claim to the log: which worker sends, how often, when it retries, and when an endpoint is disabled."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, connection
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from reports.models.webhook_deliveries import MAX_TRIES
from reports.webhooks import tasks
from reports.webhooks.deliver import GAVE_UP, GONE, PATIENCE, attempt_delivery
from reports.webhooks.schedule import DELAYS, JITTER, LONGEST_WISH
from reports.webhooks.signatures import new_secret
from tests.database_activity import is_lock_awaited
from tests.factories import make_account, make_administrator
from tests.waiting import wait_for
from tests.webhook_deliveries import make_delivery, make_due, make_endpoint, make_message, state_of
from tests.webhook_receivers import Receiver, receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the IDs of the deliveries published during the test."""
    pks: list[int] = []

    def note(_task: Any, *arguments: int) -> bool:
        pks.extend(arguments)
        return True

    monkeypatch.setattr(tasks, "publish_task", note)
    return pks


def in_threads(number: int, act: Any) -> None:
    """Call `act` in as many threads at once, each on a connection of its own, and raise their first failure."""
    barrier = threading.Barrier(number)
    failures: list[Exception] = []

    def one(place: int) -> None:
        barrier.wait()
        try:
            act(place)
        except Exception as failure:  # noqa: BLE001 - raised again below
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def deliver_at_once(listener: Receiver, deliveries: list[WebhookDelivery]) -> None:
    """Deliver each in its own thread. The listener answers once each has sent its message or failed to claim it."""
    turned_away: list[int] = []

    def work(place: int) -> None:
        tasks.deliver(deliveries[place].pk)
        turned_away.append(place)

    def answer() -> None:
        try:
            wait_for(lambda: listener.at_once + len(turned_away) >= len(deliveries), what="all have begun")
        finally:
            listener.may_answer.set()

    listener.may_answer.clear()
    answering = threading.Thread(target=answer)
    answering.start()
    in_threads(len(deliveries), work)
    answering.join()


def test_a_message_arrives_signed_with_its_secret(listener: Receiver) -> None:
    endpoint = make_endpoint(url=listener.url)
    delivery = make_delivery(endpoint=endpoint, message=make_message(account=endpoint.account, payload='{"é": [1.0]}'))
    tasks.deliver(delivery.pk)
    [received] = listener.received
    assert Webhook(endpoint.secret).verify(received.body, received.headers) == {"é": [1.0]}
    assert received.headers["webhook-id"] == delivery.message_id
    assert re.fullmatch(r"msg_[0-9a-f]{32}", delivery.message_id)
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", received.headers["webhook-signature"])
    assert state_of(delivery) == DeliveryState.DELIVERED
    [logged] = delivery.attempt_log.all()
    assert (logged.status_code, logged.error) == (204, "")
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(received.body, received.headers)


def test_for_a_day_after_a_rotation_both_secrets_are_valid(listener: Receiver) -> None:
    endpoint = make_endpoint(url=listener.url)
    old, new = endpoint.secret, new_secret()
    assert endpoint.rotate(new, mark=endpoint.secret_mark)
    tasks.deliver(make_delivery(endpoint=endpoint).pk)
    WebhookEndpoint.objects.update(previous_secret_until=Now())
    tasks.deliver(make_delivery(endpoint=endpoint).pk)
    during, after = listener.received
    for secret in (old, new):
        Webhook(secret).verify(during.body, during.headers)
    Webhook(new).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)
    assert endpoint.previous_secret_until is not None
    assert timedelta(hours=23.9) < endpoint.previous_secret_until - timezone.now() < timedelta(hours=24.1)


def test_each_attempt_has_the_same_identifier_and_a_time_and_signature_of_its_own(listener: Receiver) -> None:
    listener.answer(500)
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url))
    tasks.deliver(delivery.pk)
    make_due(delivery)
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        tasks.deliver(delivery.pk)
    first, second = (received.headers for received in listener.received)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] < second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]
    for received in listener.received:
        Webhook(delivery.endpoint.secret).verify(received.body, received.headers)


def test_failures_are_retried_for_a_day_and_then_no_longer(listener: Receiver) -> None:
    listener.answer(500, b"Not now")
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url))
    for delay in DELAYS:
        began = timezone.now()
        tasks.deliver(delivery.pk)
        tasks.deliver(delivery.pk)  # Not due yet.
        assert state_of(delivery) == DeliveryState.WAITING
        assert delivery.next_attempt_at is not None
        assert began + delay <= delivery.next_attempt_at <= timezone.now() + delay * (1 + JITTER)
        make_due(delivery)
    tasks.deliver(delivery.pk)
    assert state_of(delivery) == DeliveryState.FAILED
    assert len(listener.received) == MAX_TRIES == delivery.attempt_log.count()
    assert {logged.error for logged in delivery.attempt_log.all()} == {"Answered with status 500."}
    assert {logged.answer for logged in delivery.attempt_log.all()} == {"Not now"}
    assert timedelta(hours=23) < sum(DELAYS, timedelta()) < timedelta(hours=24)
    assert delivery.endpoint.is_enabled


@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [
        ("3600", timedelta(hours=1), timedelta(hours=1)),
        ("1", DELAYS[0], DELAYS[0] * (1 + JITTER)),
        ("99999999", LONGEST_WISH, LONGEST_WISH),
    ],
)
def test_an_endpoint_may_delay_the_next_attempt_within_bounds(
    wish: str, least: timedelta, most: timedelta, listener: Receiver
) -> None:
    listener.answer(503, Retry_After=wish)
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url))
    began = timezone.now()
    tasks.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.next_attempt_at is not None
    assert began + least <= delivery.next_attempt_at <= timezone.now() + most


def test_an_endpoint_that_is_gone_is_disabled_at_once_and_its_creator_gets_an_e_mail(listener: Receiver) -> None:
    listener.answer(410)
    account = make_account()
    endpoint = make_endpoint(account=account, url=listener.url, created_by=make_administrator(accounts=(account,)))
    first, second = make_delivery(endpoint=endpoint), make_delivery(endpoint=endpoint)
    tasks.deliver(first.pk)
    tasks.deliver(second.pk)
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == GONE
    assert state_of(first) == DeliveryState.FAILED
    assert state_of(second) == DeliveryState.SKIPPED
    assert len(listener.received) == 1
    [letter] = mail.outbox
    assert letter.to == [endpoint.created_by.email]  # type: ignore[union-attr]  # It was set above.
    assert GONE in letter.body
    assert listener.url in letter.body
    assert endpoint.secret not in letter.body


def test_a_creator_who_no_longer_sees_the_account_gets_no_e_mail(listener: Receiver) -> None:
    listener.answer(410)
    tasks.deliver(make_delivery(endpoint=make_endpoint(url=listener.url, created_by=make_administrator())).pk)
    assert mail.outbox == []


def test_after_days_of_failure_an_endpoint_is_disabled(listener: Receiver) -> None:
    listener.answer(500)
    endpoint = make_endpoint(url=listener.url)
    tasks.deliver(make_delivery(endpoint=endpoint, tries=MAX_TRIES - 1).pk)
    endpoint.refresh_from_db()
    assert endpoint.disabled_at is None
    assert endpoint.failing_since is not None
    WebhookEndpoint.objects.update(failing_since=Now() - PATIENCE - timedelta(minutes=1))
    # A failed first try is not enough, only a whole round of failures is.
    tasks.deliver(make_delivery(endpoint=endpoint).pk)
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    tasks.deliver(make_delivery(endpoint=endpoint, tries=MAX_TRIES - 1).pk)
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == GAVE_UP
    assert not WebhookDelivery.objects.filter(state=DeliveryState.WAITING).exists()
    endpoint.enable()
    assert WebhookEndpoint.objects.enabled().get().failing_since is None


def test_one_successful_delivery_ends_the_period_of_failure(listener: Receiver) -> None:
    endpoint = make_endpoint(url=listener.url, failing_since=timezone.now() - timedelta(days=9))
    tasks.deliver(make_delivery(endpoint=endpoint).pk)
    listener.answer(500)
    tasks.deliver(make_delivery(endpoint=endpoint, tries=MAX_TRIES - 1).pk)
    endpoint.refresh_from_db()
    assert endpoint.is_enabled


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_many_workers_one_sends(listener: Receiver) -> None:
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url))
    deliver_at_once(listener, [delivery] * 6)
    assert len(listener.received) == 1
    assert WebhookAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_few_messages_are_in_flight_to_an_endpoint_at_once(listener: Receiver, published: list[int]) -> None:
    endpoint = make_endpoint(url=listener.url)
    deliveries = [make_delivery(endpoint=endpoint) for _number in range(6)]
    deliver_at_once(listener, deliveries)
    assert listener.most_at_once == 2
    assert len(listener.received) == 2
    # Workers that have sent a message publish the next deliveries.
    waiting = {delivery.pk for delivery in deliveries if state_of(delivery) == DeliveryState.WAITING}
    assert len(waiting) == 4
    assert set(published) & waiting
    # A failing endpoint gets one message at a time.
    WebhookEndpoint.objects.update(failing_since=Now())
    listener.received.clear()
    listener.most_at_once = 0
    deliver_at_once(listener, deliveries)
    assert (listener.most_at_once, len(listener.received)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_slow_endpoints_of_one_account_leave_a_worker_to_other_accounts(
    listener: Receiver, published: list[int]
) -> None:
    account = make_account()
    slow = [make_endpoint(account=account, url=f"{listener.url}?{number}") for number in range(5)]
    deliveries = [make_delivery(endpoint=endpoint) for endpoint in slow]
    deliver_at_once(listener, deliveries)
    assert (listener.most_at_once, len(listener.received)) == (3, 3)
    # Waiting deliveries are published as soon as there is room, whichever endpoint they are for.
    assert set(published) & {delivery.pk for delivery in deliveries if state_of(delivery) == DeliveryState.WAITING}
    # Another account's message is sent while three of this account are in flight.
    WebhookDelivery.objects.update(
        state=DeliveryState.WAITING, next_attempt_at=Now(), lease_until=Now() + timedelta(minutes=1)
    )
    assert attempt_delivery(make_delivery(endpoint=make_endpoint(account=account, url=f"{listener.url}?5")).pk) is None
    assert attempt_delivery(make_delivery(endpoint=make_endpoint(url=listener.url)).pk) is not None


def test_due_deliveries_are_published_a_few_of_each_endpoint(published: list[int]) -> None:
    busy, quiet, disabled = make_endpoint(), make_endpoint(), make_endpoint()
    first = [make_delivery(endpoint=busy).pk for _number in range(5)]
    last = make_delivery(endpoint=quiet).pk
    make_delivery(endpoint=quiet, next_attempt_at=timezone.now() + timedelta(hours=1))
    make_delivery(endpoint=disabled)
    WebhookEndpoint.objects.filter(pk=disabled.pk).update(disabled_at=Now(), disabled_reason="Because.")
    tasks.send_due()
    assert sorted(published) == sorted([*first[:2], last])


def test_the_delivery_of_a_dead_worker_is_sent_by_another(listener: Receiver, published: list[int]) -> None:
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url))
    dead = WebhookDelivery.objects.claim(delivery.pk)
    assert dead is not None
    tasks.send_due()
    assert published == []
    assert attempt_delivery(delivery.pk) is None
    WebhookDelivery.objects.update(lease_until=Now() - timedelta(seconds=1))
    tasks.send_due()
    assert published == [delivery.pk]
    tasks.deliver(delivery.pk)
    assert state_of(delivery) == DeliveryState.DELIVERED
    assert delivery.fence == dead.fence + 1


def test_a_delivery_whose_worker_died_on_the_last_try_has_failed() -> None:
    delivery = make_delivery(
        endpoint=make_endpoint(), tries=MAX_TRIES, lease_until=timezone.now() - timedelta(seconds=1)
    )
    tasks.send_due()
    assert state_of(delivery) == DeliveryState.FAILED


def test_an_endpoint_disabled_while_a_message_is_in_flight_stays_disabled(listener: Receiver) -> None:
    endpoint = make_endpoint(url=listener.url)
    delivery = make_delivery(endpoint=endpoint)
    listener.answer(500)
    claimed = WebhookDelivery.objects.claim(delivery.pk)
    assert claimed is not None
    assert endpoint.disable("Somebody did.")
    assert state_of(delivery) == DeliveryState.SKIPPED
    assert attempt_delivery(delivery.pk) is None
    assert not endpoint.disable("Somebody else did.")
    assert endpoint.disabled_reason == "Somebody did."


def test_sending_again_begins_a_new_round_with_the_same_identifier(listener: Receiver) -> None:
    listener.answer(500)
    delivery = make_delivery(endpoint=make_endpoint(url=listener.url), tries=MAX_TRIES - 1)
    tasks.deliver(delivery.pk)
    assert state_of(delivery) == DeliveryState.FAILED
    delivery.send_again()
    tasks.deliver(delivery.pk)
    assert state_of(delivery) == DeliveryState.WAITING
    assert delivery.tries == 1
    first, second = listener.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_no_secret_is_logged(listener: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    endpoint = make_endpoint(url=listener.url)
    old = endpoint.secret
    endpoint.rotate(new_secret(), mark=endpoint.secret_mark)
    listener.answer(410)
    tasks.deliver(make_delivery(endpoint=endpoint).pk)
    signature = listener.received[0].headers["webhook-signature"].split(",")[1][:20]
    for hidden in (old, endpoint.secret, signature):
        assert hidden not in caplog.text
        assert hidden not in repr(endpoint)


def test_old_messages_are_deleted_unless_they_still_wait() -> None:
    endpoint = make_endpoint()
    now = timezone.now()
    old = now - timedelta(days=31)
    disabled = make_endpoint(account=endpoint.account)
    disabled.disable("Somebody did.")
    make_delivery(endpoint=disabled, message=make_message(account=endpoint.account, created_at=old))
    for state, created_at in (("failed", old), ("waiting", old), ("failed", now)):
        message = make_message(account=endpoint.account, type=f"{state}-{created_at:%j}", created_at=created_at)
        over = {} if state == "waiting" else {"next_attempt_at": None}
        delivery = make_delivery(endpoint=endpoint, message=message, state=state, **over)
        WebhookAttempt.objects.create(
            account=endpoint.account, delivery=delivery, started_at=created_at, milliseconds=1, error="No."
        )
    tasks.collect_old_messages()
    left = WebhookDelivery.objects.values_list("message__type", flat=True)
    assert set(left) == {f"waiting-{old:%j}", f"failed-{now:%j}"}
    assert WebhookAttempt.objects.count() == 2


def test_an_unavailable_broker_loses_no_delivery(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def away(*_arguments: Any, **_options: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("jobs.publishing.current_app.send_task", away)
    delivery = make_delivery(endpoint=make_endpoint())
    tasks.send_due()
    assert WebhookDelivery.objects.due().get() == delivery


def test_deleting_an_endpoint_deletes_its_log() -> None:
    with receiver() as listener:
        endpoint = make_endpoint(url=listener.url)
        make_delivery(endpoint=endpoint)
        endpoint.remove()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_can_be_deleted_while_something_is_announced_to_it() -> None:
    endpoint = make_endpoint()
    make_delivery(endpoint=endpoint)
    message = make_message(account=endpoint.account)

    def announce() -> None:
        with pytest.raises(IntegrityError):
            make_delivery(endpoint=endpoint, message=message)
        connection.close()

    announcer = threading.Thread(target=announce)

    def meanwhile(**_signal: Any) -> None:
        announcer.start()
        wait_for(lambda: not announcer.is_alive() or is_lock_awaited(), what="the announcement waits for the endpoint")

    pre_delete.connect(meanwhile, sender=WebhookEndpoint)
    try:
        endpoint.remove()
    finally:
        pre_delete.disconnect(meanwhile, sender=WebhookEndpoint)
        announcer.join()
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_an_event_announced_while_its_endpoint_was_being_disabled_is_never_sent() -> None:
    endpoint = make_endpoint()
    endpoint.disable("Somebody did.")
    late = make_delivery(endpoint=endpoint)
    assert attempt_delivery(late.pk) is None
    endpoint.enable()
    assert state_of(late) == DeliveryState.SKIPPED
    assert endpoint.is_enabled


def test_a_long_log_does_not_slow_down_a_claim() -> None:
    endpoint = make_endpoint()
    WebhookMessage.objects.bulk_create(
        WebhookMessage(account=endpoint.account, type="webhook.test") for _ in range(2000)
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            account=endpoint.account, endpoint=endpoint, message=message, state="delivered", next_attempt_at=None
        )
        for message in WebhookMessage.objects.all()
    )
    make_delivery(endpoint=endpoint)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_webhookdelivery")
    plan = WebhookDelivery.objects.filter(endpoint=endpoint).in_flight().order_by().explain()
    assert "webhook_delivery_waiting" in plan
