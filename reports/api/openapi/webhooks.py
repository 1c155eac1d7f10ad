"""Webhooks in the OpenAPI document: the messages of `reports.webhooks`, with their payloads and signature headers."""

from typing import Any

from reports.api.openapi import examples
from reports.models.webhooks import TEST_EVENT, WebhookEvent

Json = dict[str, Any]

EXAMPLE_SECRET = "whsec_VGFsbHlkZXNrIGV4YW1wbGUgc2VjcmV0LCAzMiBieXQ="  # noqa: S105 - signs the example
EXAMPLE_SIGNED_EVENT = TEST_EVENT
"""The event whose example, as compact JSON, has the example signature."""

_DELIVERY = (
    "\n\nMessages follow [Standard Webhooks](https://www.standardwebhooks.com/). Verify the signature before you use a "
    "message: `webhook-signature` is the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` under the endpoint's "
    "secret, base64-encoded. The key is what follows `whsec_` in the secret, base64-decoded; the body is that of the "
    "request, byte for byte.\n\n"
    "Messages can be delivered more than once and out of order. A repeated message has the same `webhook-id`."
)
_EVENTS: dict[str, tuple[str, str, str, Json, str]] = {
    WebhookEvent.SUCCEEDED.value: (
        "ReportJobSucceededEvent",
        "report_job_succeeded",
        "A report is ready",
        examples.SUCCEEDED,
        "Sent when a report job has succeeded. `data` is the job, as `read_report_job` returns it.",
    ),
    WebhookEvent.FAILED.value: (
        "ReportJobFailedEvent",
        "report_job_failed",
        "A report failed",
        examples.FAILED,
        "Sent when a report job has failed. `data` is the job; its `error` says why. Cancelled jobs are not announced.",
    ),
    WebhookEvent.EXPIRED.value: (
        "ReportJobExpiredEvent",
        "report_job_expired",
        "A report's file has expired",
        examples.EXPIRED,
        (
            "Sent when a report's file was deleted at the end of its retention period, not when it is deleted by hand. "
            "`data` is the job; its `result.file` is null."
        ),
    ),
    TEST_EVENT: (
        "WebhookTestEvent",
        "webhook_test",
        "A test message",
        examples.WEBHOOK_TEST,
        "Sent to a single endpoint when an administrator presses *Send a test message*.",
    ),
}


def _parameter(name: str, description: str, example: str, pattern: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


PARAMETERS: dict[str, Json] = {
    "WebhookId": _parameter(
        "webhook-id",
        "The identifier of the message. It is the same for every attempt and every endpoint; use it to ignore messages "
        "that you have already processed.",
        "msg_0191d3c27b1e7c4a9d562f1b8a3c4d5e",
        "^msg_[0-9a-f]+$",
    ),
    "WebhookTimestamp": _parameter(
        "webhook-timestamp",
        "When this attempt was sent, in seconds since 1970-01-01 UTC. Reject messages that are more than a few minutes "
        "old.",
        "1795338845",
        "^[0-9]+$",
    ),
    "WebhookSignature": _parameter(
        "webhook-signature",
        "One or more signatures, separated by spaces; each is `v1,` and an HMAC-SHA256 in base64. For 24 hours "
        "after the "
        "secret was rotated there are two, one for each secret; accept the message if any signature is valid. The "
        f"example is that of the `{EXAMPLE_SIGNED_EVENT}` example, as compact JSON, under the secret "
        f"`{EXAMPLE_SECRET}`.",
        "v1,ygvyaqEb441ckyEN+GIPCidTlXxK3iwHOvxn7ss8FoI=",
        "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$",
    ),
}


def example_payload(event: str) -> Json:
    """Return the example of an event's payload."""
    data = _EVENTS[event][3]
    timestamp = data.get("finished_at") or "2026-11-22T09:14:05.125000Z"
    if event == WebhookEvent.EXPIRED:
        timestamp = data["result"]["expires_at"]
    return {"type": event, "timestamp": timestamp, "data": data}


def _payload_schema(event: str, description: str) -> Json:
    data = "WebhookTest" if event == TEST_EVENT else "ReportJob"
    return {
        "type": "object",
        "description": description,
        "properties": {
            "type": {"type": "string", "const": event, "description": "The type of the event."},
            "timestamp": {"type": "string", "format": "date-time", "description": "When the event happened."},
            "data": {"$ref": f"#/components/schemas/{data}"},
        },
        "required": ["type", "timestamp", "data"],
    }


def _webhook(event: str) -> Json:
    schema, operation_id, summary, _data, description = _EVENTS[event]
    content = {
        "schema": {"$ref": f"#/components/schemas/{schema}"},
        "examples": {"Message": {"value": example_payload(event)}},
    }
    return {
        "post": {
            "operationId": operation_id,
            "summary": summary,
            "description": description + _DELIVERY,
            "tags": ["webhooks"],
            "security": [],
            "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in PARAMETERS],
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {
                "2XX": {"description": "The message was delivered. Respond within 10 seconds."},
                "410": {"description": "The endpoint wants no more messages: the webhook is disabled immediately."},
                "default": {
                    "description": "The message was not delivered, and is tried again up to 7 times within about 24 "
                    "hours. "
                    "Redirects are not followed; the `Retry-After` of a 429 or 503 is honoured."
                },
            },
        }
    }


_TEST_DATA: Json = {
    "type": "object",
    "description": "The endpoint that is tested.",
    "properties": {
        "endpoint": {"type": "string", "format": "uri", "description": "The URL of the endpoint."},
        "account": {"type": "string", "description": "The code of the account that the endpoint belongs to."},
    },
    "required": ["endpoint", "account"],
}

WEBHOOKS: dict[str, Json] = {event: _webhook(event) for event in _EVENTS}
COMPONENTS: dict[str, dict[str, Json]] = {
    "schemas": {
        "WebhookTest": _TEST_DATA,
        **{schema: _payload_schema(event, f"{summary}.") for event, (schema, _id, summary, *_rest) in _EVENTS.items()},
    },
    "parameters": PARAMETERS,
}
