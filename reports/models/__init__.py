"""Report jobs, comparisons of two, the keys under which programs asked for them, and the webhooks that tell of them."""

from reports.models.comparisons import Comparison, ComparisonQuerySet
from reports.models.idempotency_keys import IdempotencyKey
from reports.models.report_jobs import ReportJob, ReportJobQuerySet
from reports.models.webhook_deliveries import WebhookAttempt, WebhookDelivery, WebhookDeliveryQuerySet, WebhookMessage
from reports.models.webhooks import DeliveryState, WebhookEndpoint, WebhookEndpointQuerySet, WebhookEvent

__all__ = [
    "Comparison",
    "ComparisonQuerySet",
    "DeliveryState",
    "IdempotencyKey",
    "ReportJob",
    "ReportJobQuerySet",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDeliveryQuerySet",
    "WebhookEndpoint",
    "WebhookEndpointQuerySet",
    "WebhookEvent",
    "WebhookMessage",
]
