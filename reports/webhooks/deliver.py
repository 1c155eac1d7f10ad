"""Delivering a message: one attempt, from the claim to the log entry, and the consequences of its result."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from reports.models import (
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryQuerySet,
    WebhookEndpoint,
)
from reports.webhooks import send, signatures
from reports.webhooks.schedule import next_delay
from reports.webhooks.send import Outcome

logger = structlog.get_logger(__name__)

PATIENCE = timedelta(days=3)
"""How long an endpoint may fail every delivery before it is disabled."""

GONE = "The endpoint answered 410 Gone, so it wants no more messages."
GAVE_UP = "Every delivery failed for 3 days."


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """A finished attempt: its endpoint, and whether the attempt disabled it."""

    endpoint: WebhookEndpoint
    has_disabled: bool


def attempt_delivery(pk: int) -> DeliveryAttempt | None:
    """Claim the delivery and send its message once. Return None if it cannot be claimed."""
    delivery = WebhookDelivery.objects.claim(pk)
    if delivery is None:
        return None
    endpoint, message = delivery.endpoint, delivery.message
    now = timezone.now()
    body = message.payload.encode()
    headers = signatures.headers(
        message_id=message.pk, sent_at=now, body=body, signing_secrets=endpoint.signing_secrets
    )
    outcome = send.send(endpoint.url, body, headers)
    logger.info(
        "webhook_attempted",
        message=message.pk,
        endpoint=endpoint.pk,
        status=outcome.status_code,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
    )
    return DeliveryAttempt(endpoint, has_disabled=_record(delivery, outcome, began=now))


def _record(delivery: WebhookDelivery, outcome: Outcome, *, began: datetime) -> bool:
    """Log the attempt, and update the delivery if this one still holds it. Return whether the endpoint was disabled."""
    with transaction.atomic():
        # Locks rows in the same order as a claim: first the endpoint's, then the delivery's.
        if not WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=delivery.endpoint_id).exists():
            return False  # The endpoint was deleted meanwhile, and the delivery with it.
        WebhookAttempt.objects.create(
            account_id=delivery.account_id,
            delivery=delivery,
            started_at=began,
            milliseconds=outcome.milliseconds,
            status_code=outcome.status_code,
            error=outcome.error,
            answer=outcome.answer,
        )
        if outcome.is_delivered:
            WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(failing_since=None)
            _end(delivery, DeliveryState.DELIVERED)
            return False
        return _fail(delivery, outcome)


def _fail(delivery: WebhookDelivery, outcome: Outcome) -> bool:
    endpoint = delivery.endpoint
    WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since=None).update(failing_since=Now())
    if outcome.is_gone:
        _end(delivery, DeliveryState.FAILED)
        return endpoint.disable(GONE)
    delay = next_delay(delivery.tries, wish=outcome.retry_after)
    if delay is not None:
        _held(delivery).update(next_attempt_at=Now() + delay, lease_until=None)
        return False
    _end(delivery, DeliveryState.FAILED)
    # Only after a whole round of tries: two failures far apart say nothing about the days between them.
    if WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__lt=Now() - PATIENCE).exists():
        return endpoint.disable(GAVE_UP)
    return False


def _end(delivery: WebhookDelivery, state: DeliveryState) -> None:
    _held(delivery).update(state=state, next_attempt_at=None, lease_until=None)


def _held(delivery: WebhookDelivery) -> WebhookDeliveryQuerySet:
    return WebhookDelivery.objects.filter(pk=delivery.pk, fence=delivery.fence, state=DeliveryState.WAITING)
