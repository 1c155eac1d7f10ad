"""Finished jobs are announced once to each endpoint that wants the event, however many workers announce them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Task
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks import Webhook

from jobs.states import State
from reports import tasks as report_tasks
from reports.api.serializers.report_jobs import job_json
from reports.models import ReportJob, WebhookDelivery, WebhookEndpoint, WebhookMessage
from reports.webhooks import announce, tasks
from tests.factories import make_account, make_subscription
from tests.report_jobs import make_job
from tests.webhook_deliveries import make_endpoint
from tests.webhook_receivers import Receiver
from tests.webhooks.test_delivering import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """Return the tasks published during the test, as name and arguments."""
    calls: list[tuple[str, tuple[int, ...]]] = []

    def note(task: "Task[..., None]", *arguments: int) -> bool:
        calls.append((str(task.name).rpartition(".")[2], arguments))
        return True

    monkeypatch.setattr(tasks, "publish_task", note)
    monkeypatch.setattr(report_tasks, "publish_task", note)
    return calls


def make_finished(state: State = State.SUCCEEDED, **fields: Any) -> ReportJob:
    """Return a job that has just finished."""
    success = {"file": "reports/x.csv", "file_bytes": 1, "file_rows": 1, "file_sha256": "0" * 64}
    result = success if state == State.SUCCEEDED else {"failure": "It broke."}
    return make_job(state=state, **{"finished_at": timezone.now(), **result, **fields})


@pytest.mark.parametrize(
    ("state", "event"), [(State.SUCCEEDED, "report_job.succeeded"), (State.FAILED, "report_job.failed")]
)
def test_a_finished_job_is_announced_as_the_api_shows_it(
    state: State, event: str, listener: Receiver, settings: Any
) -> None:
    settings.SITE_URL = "https://tally.example"
    subscription = make_subscription()
    endpoint = make_endpoint(account=subscription.account, url=listener.url)
    job = make_finished(state, subscription=subscription)
    tasks.announce()
    tasks.deliver(WebhookDelivery.objects.get().pk)
    [received] = listener.received
    payload = Webhook(endpoint.secret).verify(received.body, received.headers)
    job.refresh_from_db()
    assert job.finished_at is not None
    assert payload == {
        "type": event,
        "timestamp": job.finished_at.isoformat().replace("+00:00", "Z"),
        "data": json.loads(json.dumps(job_json(job, base_url="https://tally.example"))),
    }
    assert payload["data"]["url"].startswith("https://tally.example/api/v1/report-jobs/")
    assert job.announced_at is not None


def test_only_enabled_endpoints_of_the_account_that_existed_and_want_the_event_receive_it() -> None:
    subscription = make_subscription()
    account = subscription.account
    early = timezone.now() - timedelta(hours=1)
    receiving = [make_endpoint(account=account, created_at=early) for _number in range(2)]
    make_endpoint(account=account, created_at=early, events=["report_job.failed"])
    make_endpoint(account=account, created_at=early, disabled_at=early, disabled_reason="Because.")
    make_endpoint(account=account, created_at=timezone.now() + timedelta(minutes=1))
    make_endpoint(account=make_account(), created_at=early)
    make_finished(subscription=subscription)
    tasks.announce()
    assert WebhookMessage.objects.count() == 1
    assert set(WebhookDelivery.objects.values_list("endpoint", flat=True)) == {endpoint.pk for endpoint in receiving}


@pytest.mark.parametrize("state", [State.CANCELLED, State.QUEUED])
def test_cancelled_and_unfinished_jobs_are_not_announced(state: State) -> None:
    subscription = make_subscription()
    make_endpoint(account=subscription.account, created_at=timezone.now() - timedelta(hours=1))
    make_job(subscription=subscription, state=state, finished_at=timezone.now() if state == "cancelled" else None)
    tasks.announce()
    assert not WebhookMessage.objects.exists()


def test_without_an_endpoint_a_job_counts_as_announced_for_good() -> None:
    job = make_finished()
    tasks.announce()
    make_endpoint(account=job.account, created_at=timezone.now() - timedelta(days=1))
    tasks.announce()
    job.refresh_from_db()
    assert job.announced_at is not None
    assert not WebhookMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_announcers_make_one_delivery_of_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "AT_ONCE", 3)
    subscription = make_subscription()
    early = timezone.now() - timedelta(hours=1)
    endpoints = [make_endpoint(account=subscription.account, created_at=early) for _number in range(2)]
    jobs = [make_finished(subscription=subscription) for _number in range(20)]
    in_threads(6, lambda _place: tasks.announce())
    pairs = list(WebhookDelivery.objects.values_list("endpoint", "message__job"))
    assert sorted(pairs, key=str) == sorted(((e.pk, j.pk) for e in endpoints for j in jobs), key=str)
    assert not ReportJob.objects.filter(announced_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_an_announcer_does_not_wait_for_another_one() -> None:
    subscription = make_subscription()
    make_endpoint(account=subscription.account, created_at=timezone.now() - timedelta(hours=1))
    held, free = make_finished(subscription=subscription), make_finished(subscription=subscription)
    with transaction.atomic():
        assert ReportJob.objects.select_for_update().get(pk=held.pk) == held
        in_threads(1, lambda _place: tasks.announce())
        assert list(WebhookMessage.objects.values_list("job", flat=True)) == [free.pk]
    tasks.announce()
    assert WebhookMessage.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_announcer_that_dies_halfway_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = make_subscription()
    make_endpoint(account=subscription.account, created_at=timezone.now() - timedelta(hours=1))
    make_finished(subscription=subscription)
    make_finished(subscription=subscription)
    calls = []

    def dying(job: ReportJob, *, base_url: str) -> dict[str, Any]:
        calls.append(job)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return job_json(job, base_url=base_url)

    monkeypatch.setattr(announce, "job_json", dying)
    with pytest.raises(KeyboardInterrupt):
        announce.announce_ended()
    assert not WebhookMessage.objects.exists()
    assert announce.announce_ended() == 2
    assert WebhookDelivery.objects.count() == 2


def test_when_a_report_finishes_its_worker_publishes_the_announcement(
    published: list[tuple[str, tuple[int, ...]]],
) -> None:
    report_tasks.generate_report(str(make_finished().pk))
    assert ("announce", ()) in published


def make_with_file(subscription: Any, settings: Any, tmp_path: Path, **fields: Any) -> ReportJob:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}},
    }
    job = make_finished(subscription=subscription, **fields)
    job.file.save("report.csv", ContentFile(b"x"))
    return job


def test_an_expired_file_is_announced_once(settings: Any, tmp_path: Path) -> None:
    subscription = make_subscription()
    long_ago = timezone.now() - timedelta(days=settings.REPORT_RETENTION_DAYS + 1)
    endpoint = make_endpoint(account=subscription.account)
    job = make_with_file(subscription, settings, tmp_path, finished_at=long_ago, announced_at=long_ago)
    report_tasks.expire_reports()
    report_tasks.expire_reports()
    message = WebhookMessage.objects.get()
    payload = json.loads(message.payload)
    assert (message.type, message.job, payload["type"]) == ("report_job.expired", job, "report_job.expired")
    assert payload["data"]["id"] == str(job.pk)
    assert payload["data"]["result"]["file"] is None
    assert WebhookDelivery.objects.get().endpoint == endpoint


@pytest.mark.django_db(transaction=True)
def test_a_file_whose_expiry_cannot_be_announced_stays(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = make_subscription()
    long_ago = timezone.now() - timedelta(days=settings.REPORT_RETENTION_DAYS + 1)
    make_endpoint(account=subscription.account)
    job = make_with_file(subscription, settings, tmp_path, finished_at=long_ago, announced_at=long_ago)

    def broken(*_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(announce, "job_json", broken)
    with pytest.raises(RuntimeError):
        report_tasks.expire_reports()
    assert (tmp_path / str(job.file.name)).exists()
    monkeypatch.undo()
    report_tasks.expire_reports()
    assert not (tmp_path / str(job.file.name)).exists()
    assert WebhookMessage.objects.get().type == "report_job.expired"


def test_a_test_message_goes_to_one_endpoint_alone() -> None:
    account = make_account()
    endpoint, _other = make_endpoint(account=account), make_endpoint(account=account)
    WebhookEndpoint.objects.update(created_at=Now())
    delivery = announce.announce_test(endpoint)
    assert WebhookDelivery.objects.get() == delivery
    assert json.loads(delivery.message.payload)["type"] == "webhook.test"
