"""Webhooks in the OpenAPI document: the messages sent conform to it, and so do its examples."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.utils import timezone
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook

from jobs.states import State
from reports.api.openapi.webhooks import EXAMPLE_SECRET, EXAMPLE_SIGNED_EVENT
from reports.models import ReportJob, WebhookEvent, WebhookMessage
from reports.models.webhooks import TEST_EVENT
from reports.webhooks import announce, signatures
from tests.factories import make_subscription
from tests.report_jobs import make_job
from tests.webhook_deliveries import make_endpoint

Json = dict[str, Any]
SUCCESS: Json = {"file": "reports/x.csv", "file_bytes": 1, "file_rows": 1, "file_sha256": "0" * 64}


@pytest.fixture(scope="module")
def schema() -> Json:
    document: Json = yaml.safe_load((Path(settings.BASE_DIR) / "docs" / "openapi.yaml").read_text())
    return document


def content_of(schema: Json, event: str) -> Json:
    """Return the described body of the event's messages."""
    content: Json = schema["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
    return content


def faults(schema: Json, event: str, payload: Any) -> list[str]:
    """Return how the payload differs from the schema of the event."""
    validator = Draft202012Validator(
        {**content_of(schema, event)["schema"], "components": schema["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    return [error.message for error in validator.iter_errors(payload)]


def headers_of(schema: Json, event: str) -> dict[str, Json]:
    """Return the described headers of the event's messages, by name."""
    names = [reference["$ref"].rpartition("/")[2] for reference in schema["webhooks"][event]["post"]["parameters"]]
    described = [schema["components"]["parameters"][name] for name in names]
    return {header["name"]: header for header in described}


def announced(event: str) -> str:
    """Return the payload of a message of the event, as it is sent."""
    endpoint = make_endpoint(account=make_subscription().account)
    subscription = endpoint.account.subscriptions.get()
    if event == TEST_EVENT:
        announce.announce_test(endpoint)
    elif event == WebhookEvent.EXPIRED:
        expired: Json = {**SUCCESS, "file": ""}
        announce.announce_expired(
            make_job(subscription=subscription, state=State.SUCCEEDED, finished_at=timezone.now(), **expired)
        )
    else:
        state = State.SUCCEEDED if event == WebhookEvent.SUCCEEDED else State.FAILED
        outcome: Json = SUCCESS if state == State.SUCCEEDED else {"failure": "It broke."}
        make_job(subscription=subscription, state=state, finished_at=timezone.now(), **outcome)
        announce.announce_ended()
    return WebhookMessage.objects.get(type=event).payload


def test_every_event_is_described(schema: Json) -> None:
    assert set(schema["webhooks"]) == {*WebhookEvent.values, TEST_EVENT}
    ids = [webhook["post"]["operationId"] for webhook in schema["webhooks"].values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.django_db
@pytest.mark.parametrize("event", [*WebhookEvent.values, TEST_EVENT])
def test_a_real_message_conforms(schema: Json, event: str) -> None:
    payload = json.loads(announced(event))
    assert faults(schema, event, payload) == []
    other = next(name for name in schema["webhooks"] if name != event)
    assert faults(schema, other, payload) != []
    assert event == TEST_EVENT or ReportJob.objects.get().report_type == payload["data"]["report_type"]


@pytest.mark.parametrize("event", [*WebhookEvent.values, TEST_EVENT])
def test_the_examples_conform(schema: Json, event: str) -> None:
    [example] = content_of(schema, event)["examples"].values()
    assert faults(schema, event, example["value"]) == []


@pytest.mark.parametrize("event", [*WebhookEvent.values, TEST_EVENT])
def test_real_headers_conform(schema: Json, event: str) -> None:
    two_secrets = [signatures.new_secret(), signatures.new_secret()]
    sent = signatures.headers(
        message_id=WebhookMessage._meta.pk.get_default(),
        sent_at=timezone.now(),
        body=b"{}",
        signing_secrets=two_secrets,
    )
    described = headers_of(schema, event)
    assert described.keys() == sent.keys()
    for name, value in sent.items():
        for shown in (value, described[name]["example"]):
            assert Draft202012Validator(described[name]["schema"]).is_valid(shown), name


def test_the_example_signature_is_the_examples(schema: Json) -> None:
    shown = {name: header["example"] for name, header in headers_of(schema, EXAMPLE_SIGNED_EVENT).items()}
    [example] = content_of(schema, EXAMPLE_SIGNED_EVENT)["examples"].values()
    body = json.dumps(example["value"], ensure_ascii=False, separators=(",", ":"))
    sent_at = datetime.fromtimestamp(int(shown["webhook-timestamp"]), UTC)
    assert Webhook(EXAMPLE_SECRET).sign(shown["webhook-id"], sent_at, body) == shown["webhook-signature"]
    assert EXAMPLE_SECRET in headers_of(schema, EXAMPLE_SIGNED_EVENT)["webhook-signature"]["description"]
