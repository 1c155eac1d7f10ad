"""Problems in the OpenAPI document: one schema, and a response with an example for each kind."""

from collections.abc import Sequence
from typing import Any

from reports.api import exceptions
from reports.api.exceptions import FieldError, ProblemType

Json = dict[str, Any]

_EXAMPLES: dict[ProblemType, tuple[str, list[FieldError]]] = {
    ProblemType.MALFORMED_REQUEST: ("The body is not JSON: Expecting value: line 1 column 1 (char 0).", []),
    ProblemType.VALIDATION_FAILED: (
        "date_through: Data is available from 2017-10-21 through 2026-11-21.",
        [
            FieldError(
                "date_through",
                "Data is available from 2017-10-21 through 2026-11-21.",
                window={"date_from": "2017-10-21", "date_through": "2026-11-21"},
            ),
        ],
    ),
    ProblemType.NOT_AUTHENTICATED: ("The token is unknown, expired or revoked.", []),
    ProblemType.PERMISSION_DENIED: (
        "The token is read-only. Requesting, cancelling and deleting need a token with write access.",
        [],
    ),
    ProblemType.NOT_FOUND: ("Not found.", []),
    ProblemType.NOT_ACCEPTABLE: ("Could not satisfy the request Accept header.", []),
    ProblemType.NOT_READY: ("The report is running: there is no file.", []),
    ProblemType.ALREADY_FINISHED: ("The job is already succeeded.", []),
    ProblemType.EXPIRED: (
        "The file was deleted after the time for which files are kept. Ask for the report again.",
        [],
    ),
    ProblemType.PRECONDITION_FAILED: ("The file does not match the conditions of the request.", []),
    ProblemType.BODY_TOO_LARGE: ("The body is larger than 16 KiB.", []),
    ProblemType.UNSUPPORTED_MEDIA_TYPE: ('Unsupported media type "text/csv" in request.', []),
    ProblemType.RANGE_NOT_SATISFIABLE: ("The file has 642 bytes, none of them in the requested range.", []),
    ProblemType.IDEMPOTENCY_KEY_REUSED: (
        "The key was used for a different request in the last 24 hours. Use a new key.",
        [],
    ),
    ProblemType.RATE_LIMITED: ("A token may make 300 requests per minute. Try again in 42 seconds.", []),
    ProblemType.TOO_MANY_JOBS: ("The account has 100 jobs waiting.", []),
    ProblemType.INTERNAL_ERROR: (
        "The fault is ours and has been recorded. Try again; if it happens again, tell the platform's support.",
        [],
    ),
}

_HEADERS = {
    ProblemType.NOT_AUTHENTICATED: ("WWW-Authenticate",),
    ProblemType.NOT_READY: ("Retry-After",),
    ProblemType.RANGE_NOT_SATISFIABLE: ("Content-Range",),
    ProblemType.RATE_LIMITED: ("Retry-After",),
    ProblemType.TOO_MANY_JOBS: ("Retry-After",),
}

SCHEMAS: dict[str, Json] = {
    "FieldError": {
        "type": "object",
        "description": "What is wrong with one field of the body, one query parameter or one header.",
        "properties": {
            "field": {
                "type": "string",
                "description": "The name of the field, parameter or header; for nested fields, the path.",
            },
            "detail": {"type": "string", "description": "What is wrong, in words for people."},
            "allowed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The accepted values.",
            },
            "window": {
                "description": "The accepted range of days, inclusive.",
                "$ref": "#/components/schemas/Range",
            },
        },
        "required": ["field", "detail"],
    },
    "Problem": {
        "type": "object",
        "description": "An error (RFC 9457 problem details). Use `type` to tell problems apart; it is stable.",
        "properties": {
            "type": {"type": "string", "description": "A stable URN for the kind of problem."},
            "title": {"type": "string", "description": "A short summary of the kind of problem, in words for people."},
            "status": {"type": "integer", "description": "The HTTP status code."},
            "detail": {"type": "string", "description": "What went wrong in this request, in words for people."},
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/FieldError"},
                "description": "The invalid fields, parameters and headers, if there are any.",
            },
        },
        "required": ["type", "title", "status", "detail"],
    },
}


def name_of(types: Sequence[ProblemType]) -> str:
    """Return the component name of the response for these problems."""
    return "Or".join(_pascal(problem) for problem in types)


def headers_of(types: Sequence[ProblemType]) -> list[str]:
    """Return the names of the headers that such a response may have."""
    return sorted({name for problem in types for name in _HEADERS.get(problem, ())})


def response(types: Sequence[ProblemType]) -> Json:
    """Return the response for these problems, which share a status code."""
    examples = {_pascal(problem): {"summary": problem.title, "value": _example(problem)} for problem in types}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {
        "description": " or ".join(f"{problem.title} (`{problem.uri}`)" for problem in types),
        "content": {exceptions.CONTENT_TYPE: content},
    }


def _example(problem: ProblemType) -> Json:
    detail, errors = _EXAMPLES[problem]
    return exceptions.problem_body(problem, detail, errors)


def _pascal(problem: ProblemType) -> str:
    return problem.slug.title().replace("-", "")
