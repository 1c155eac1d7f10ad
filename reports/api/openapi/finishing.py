"""What is done to the whole schema at its end."""

from typing import Any

from reports.api.openapi.operations import OPERATIONS

Json = dict[str, Any]


def finish(result: Json, **_context: Any) -> Json:
    """Add what drf-spectacular leaves out: the HEAD operations that are worth having, made from those of GET."""
    for (method, path), operation in OPERATIONS.items():
        if operation.head and method == "GET" and path in result["paths"]:
            result["paths"][path]["head"] = _head(result["paths"][path]["get"], operation.head)
    return result


def _head(get: Json, operation_id: str) -> Json:
    """The same, without contents and without parts."""
    parameters = [parameter for parameter in get["parameters"] if parameter["name"] not in ("Range", "If-Range")]
    responses = {
        status: {name: value for name, value in response.items() if name != "content"}
        for status, response in get["responses"].items()
        if status not in ("206", "416")
    }
    summary = f"{get['summary']}, without its contents"
    return {**get, "operationId": operation_id, "summary": summary, "parameters": parameters, "responses": responses}
