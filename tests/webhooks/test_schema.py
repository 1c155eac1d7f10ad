"""Constraints that keep the webhooks of accounts apart and send each event once."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from reports.models import WebhookAttempt
from reports.models.webhook_deliveries import MAX_TRIES
from reports.webhooks.schedule import DELAYS
from tests.factories import make_account
from tests.raw_sql import update
from tests.report_jobs import make_job
from tests.webhook_deliveries import make_delivery, make_endpoint, make_message

pytestmark = pytest.mark.django_db


def test_no_row_points_into_another_account() -> None:
    mine, theirs = make_endpoint(), make_endpoint()
    delivery = make_delivery(endpoint=mine)
    strange = make_delivery(endpoint=theirs)
    attempt = WebhookAttempt.objects.create(
        account=mine.account, delivery=delivery, started_at=timezone.now(), milliseconds=1, error="No."
    )
    assert "to_an_endpoint_of_its_account" in update(delivery, endpoint_id=theirs.pk)
    assert "of_a_message_of_its_account" in update(delivery, message_id=strange.message_id)
    assert "of_a_delivery_of_its_account" in update(attempt, delivery_id=strange.pk)
    assert "about_a_job_of_its_account" in update(make_message(account=mine.account), job_id=make_job().pk)


def test_an_event_of_a_job_is_one_message_and_one_delivery_to_an_endpoint() -> None:
    job = make_job()
    first = make_message(account=job.account, job=job, type="report_job.failed")
    with pytest.raises(DatabaseError, match="tells_an_event_once"), transaction.atomic():
        make_message(account=job.account, job=job, type="report_job.failed")
    endpoint = make_endpoint(account=job.account)
    make_delivery(endpoint=endpoint, message=first)
    with pytest.raises(DatabaseError, match="gets_a_message_once"), transaction.atomic():
        make_delivery(endpoint=endpoint, message=first)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"events": []}, "webhook_endpoint_wants_some_event"),
        ({"secret": ""}, "webhook_endpoint_has_a_signing_secret"),
        ({"previous_secret": "whsec_x"}, "webhook_endpoint_previous_secret_has_an_end"),
        ({"disabled_at": "2026-01-01T00:00Z"}, "webhook_endpoint_is_disabled_for_a_reason"),
    ],
)
def test_an_endpoint_is_never_half_of_something(columns: Any, constraint: str) -> None:
    assert constraint in update(make_endpoint(account=make_account()), **columns)


def test_a_delivery_waits_or_is_over() -> None:
    delivery = make_delivery(endpoint=make_endpoint())
    for columns in ({"state": "delivered"}, {"next_attempt_at": None}, {"state": "lost", "next_attempt_at": None}):
        assert "webhook_delivery_waits_or_is_over" in update(delivery, **columns)


def test_each_try_but_the_first_has_its_delay() -> None:
    assert len(DELAYS) == MAX_TRIES - 1
