"""Post-processing of the whole OpenAPI document."""

from typing import Any

from reports.api.openapi import webhooks
from reports.api.openapi.operations import OPERATIONS

Json = dict[str, Any]


def finish(result: Json, **_context: Any) -> Json:
    """Add what drf-spectacular leaves out: useful HEAD operations, derived from GET, and the webhooks."""
    for (method, path), operation in OPERATIONS.items():
        if operation.head and method == "GET" and path in result["paths"]:
            result["paths"][path]["head"] = _head(result["paths"][path]["get"], operation.head)
    result["webhooks"] = webhooks.WEBHOOKS
    for kind, components in webhooks.COMPONENTS.items():
        known = result["components"].setdefault(kind, {})
        result["components"][kind] = dict(sorted({**known, **components}.items()))
    return result


def _head(get: Json, operation_id: str) -> Json:
    """Return the GET operation without response bodies and range requests."""
    parameters = [parameter for parameter in get["parameters"] if parameter["name"] not in ("Range", "If-Range")]
    responses = {
        status: {name: value for name, value in response.items() if name != "content"}
        for status, response in get["responses"].items()
        if status not in ("206", "416")
    }
    summary = "Check a report's file"
    description = f"Returns the headers of a download without the file. {get['description']}"
    return {
        **get,
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": responses,
    }
