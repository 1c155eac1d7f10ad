"""Announcing events: creates a message and, for each endpoint that wants it, a delivery, in one transaction.

The job's own row is the outbox: the transaction that inserts the deliveries also sets `announced_at`, so each job is
announced exactly once, even by concurrent workers and if one of them dies.
"""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs.locks import kept
from jobs.states import State
from reports.api.serializers.report_jobs import complete, job_json
from reports.models import ReportJob, WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookMessage
from reports.models.webhooks import TEST_EVENT

AT_ONCE = 100
EVENTS = {State.SUCCEEDED: WebhookEvent.SUCCEEDED, State.FAILED: WebhookEvent.FAILED}


def announce_ended() -> int:
    """Announce up to `AT_ONCE` jobs that have succeeded or failed and were not announced yet, and return how many.

    Cancelled jobs are not announced, because the person who cancelled one knows. Skips jobs that another worker is
    announcing at the same time.
    """
    with transaction.atomic():
        ended = complete(ReportJob.objects.filter(state__in=EVENTS, announced_at=None)).order_by("finished_at")
        jobs = list(ended.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        for job in jobs:
            finished_at = job.finished_at or timezone.now()
            _create_deliveries(job, EVENTS[State(job.state)], happened_at=finished_at)
        ReportJob.objects.filter(pk__in=[job.pk for job in jobs]).update(announced_at=Now())
    return len(jobs)


def announce_expired(job: ReportJob) -> None:
    """Announce that the job's file has expired; call this in the transaction that clears the file of the job's row."""
    _create_deliveries(job, WebhookEvent.EXPIRED, happened_at=timezone.now())


def announce_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Create a test message to one endpoint, and return its delivery."""
    message = WebhookMessage.objects.create(
        account_id=endpoint.account_id,
        type=TEST_EVENT,
        payload=_payload(TEST_EVENT, timezone.now(), {"endpoint": endpoint.url, "account": endpoint.account.code}),
    )
    return WebhookDelivery.objects.create(account_id=endpoint.account_id, endpoint=endpoint, message=message)


def _create_deliveries(job: ReportJob, event: WebhookEvent, *, happened_at: datetime) -> None:
    """Create a message, and its deliveries to the endpoints that existed when the event happened and want it."""
    wanting = WebhookEndpoint.objects.enabled().filter(
        account_id=job.account_id, events__contains=[event.value], created_at__lte=happened_at
    )
    endpoints = kept(list(wanting))  # one that is just being deleted would take the other messages with it
    if not endpoints:
        return
    payload = _payload(event.value, happened_at, job_json(job, base_url=settings.SITE_URL))
    message = WebhookMessage.objects.create(account_id=job.account_id, type=event.value, job=job, payload=payload)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(account_id=job.account_id, endpoint=endpoint, message=message) for endpoint in endpoints
    )


def _payload(event: str, happened_at: datetime, data: dict[str, Any]) -> str:
    body = {"type": event, "timestamp": happened_at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
