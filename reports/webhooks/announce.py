"""Announcing: what ended becomes messages, and a delivery for each endpoint that wants them, in one transaction.

The job's own row is the outbox: `announced_at` is set where the deliveries are inserted, so that each end is told
exactly once, however many announce at the same time and wherever one of them dies.
"""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs.states import State
from reports.api.serializers.report_jobs import complete, job_json
from reports.models import ReportJob, WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookMessage
from reports.models.webhooks import TEST_EVENT

AT_ONCE = 100
EVENTS = {State.SUCCEEDED: WebhookEvent.SUCCEEDED, State.FAILED: WebhookEvent.FAILED}


def announce_ended() -> int:
    """Announce jobs that succeeded or failed and were not announced yet, some of them; returns how many.

    A cancelled job is announced to nobody: whoever cancelled it knows. Jobs that another one announces are passed over.
    """
    with transaction.atomic():
        ended = complete(ReportJob.objects.filter(state__in=EVENTS, announced_at=None)).order_by("finished_at")
        jobs = list(ended.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        for job in jobs:
            finished_at = job.finished_at or timezone.now()
            _tell(job, EVENTS[State(job.state)], happened_at=finished_at)
        ReportJob.objects.filter(pk__in=[job.pk for job in jobs]).update(announced_at=Now())
    return len(jobs)


def announce_expired(job: ReportJob) -> None:
    """Announce that the job's file was deleted after its time; inside the transaction that says so on the job's row."""
    _tell(job, WebhookEvent.EXPIRED, happened_at=timezone.now())


def announce_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message to one endpoint alone, by which a person tries it."""
    message = WebhookMessage.objects.create(
        account_id=endpoint.account_id,
        type=TEST_EVENT,
        payload=_payload(TEST_EVENT, timezone.now(), {"endpoint": endpoint.url, "account": endpoint.account.code}),
    )
    return WebhookDelivery.objects.create(account_id=endpoint.account_id, endpoint=endpoint, message=message)


def _tell(job: ReportJob, event: WebhookEvent, *, happened_at: datetime) -> None:
    """One message, and its deliveries to the endpoints that were there when it happened."""
    endpoints = list(
        WebhookEndpoint.objects.enabled().filter(
            account_id=job.account_id, events__contains=[event.value], created_at__lte=happened_at
        )
    )
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
