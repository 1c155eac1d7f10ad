"""Report jobs and their subscribers, comparisons of two reports, idempotency keys, and webhooks."""

from reports.models.comparisons import Comparison, ComparisonQuerySet
from reports.models.idempotency_keys import IdempotencyKey
from reports.models.report_jobs import ReportJob, ReportJobQuerySet
from reports.models.report_requests import ReportRequest, ReportRequestQuerySet
from reports.models.webhook_deliveries import WebhookAttempt, WebhookDelivery, WebhookDeliveryQuerySet, WebhookMessage
from reports.models.webhooks import DeliveryState, WebhookEndpoint, WebhookEndpointQuerySet, WebhookEvent

__all__ = [
    "Comparison",
    "ComparisonQuerySet",
    "DeliveryState",
    "IdempotencyKey",
    "ReportJob",
    "ReportJobQuerySet",
    "ReportRequest",
    "ReportRequestQuerySet",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDeliveryQuerySet",
    "WebhookEndpoint",
    "WebhookEndpointQuerySet",
    "WebhookEvent",
    "WebhookMessage",
]
