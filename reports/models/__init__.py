"""Report jobs and their subscribers, comparisons of two reports, idempotency keys, and webhooks."""

from reports.models.comparisons import Comparison, ComparisonQuerySet
from reports.models.idempotency_keys import IdempotencyKey
from reports.models.job_subscribers import JobSubscriber, JobSubscriberQuerySet
from reports.models.report_jobs import ReportJob, ReportJobQuerySet
from reports.models.webhook_deliveries import WebhookAttempt, WebhookDelivery, WebhookDeliveryQuerySet, WebhookMessage
from reports.models.webhooks import DeliveryState, WebhookEndpoint, WebhookEndpointQuerySet, WebhookEvent

__all__ = [
    "Comparison",
    "ComparisonQuerySet",
    "DeliveryState",
    "IdempotencyKey",
    "JobSubscriber",
    "JobSubscriberQuerySet",
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
