"""Webhook endpoints, messages and deliveries."""

from itertools import count
from typing import Any

from django.db.models.functions import Now

from billing.models import Account
from reports.models import WebhookDelivery, WebhookEndpoint, WebhookMessage
from reports.webhooks.signatures import new_secret
from tests.factories import make_account

_number = count(1)


def make_endpoint(*, account: Account | None = None, url: str | None = None, **fields: Any) -> WebhookEndpoint:
    """Return an enabled endpoint that receives every event."""
    account = account or make_account()
    return WebhookEndpoint.objects.create(
        account=account, url=url or f"https://hooks.example.com/{next(_number)}", **{"secret": new_secret(), **fields}
    )


def make_message(*, account: Account, payload: str = '{"type":"webhook.test"}', **fields: Any) -> WebhookMessage:
    """Return a test message, which is about no job."""
    return WebhookMessage.objects.create(account=account, payload=payload, **{"type": "webhook.test", **fields})


def make_delivery(
    *, endpoint: WebhookEndpoint, message: WebhookMessage | None = None, **fields: Any
) -> WebhookDelivery:
    """Return a delivery that is due."""
    message = message or make_message(account=endpoint.account)
    return WebhookDelivery.objects.create(account=endpoint.account, endpoint=endpoint, message=message, **fields)


def make_due(delivery: WebhookDelivery) -> None:
    """Let the next attempt be due now."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=Now())


def state_of(delivery: WebhookDelivery) -> str:
    """Return the stored state of the delivery."""
    delivery.refresh_from_db()
    return delivery.state
