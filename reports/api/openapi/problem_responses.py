"""Problems as the schema describes them: one shape, and a response with an example for each kind."""

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
    ProblemType.PERMISSION_DENIED: ("The token is for reading alone.", []),
    ProblemType.NOT_FOUND: ("There is no such report job.", []),
    ProblemType.NOT_ACCEPTABLE: ("Could not satisfy the request Accept header.", []),
    ProblemType.NOT_READY: ("The report is running: there is no file.", []),
    ProblemType.ALREADY_FINISHED: ("The job has succeeded already.", []),
    ProblemType.EXPIRED: (
        "The file was deleted after the time for which files are kept. Ask for the report again.",
        [],
    ),
    ProblemType.PRECONDITION_FAILED: ("The file is not the one that the request names in its conditions.", []),
    ProblemType.BODY_TOO_LARGE: ("The body is larger than 16 KiB.", []),
    ProblemType.UNSUPPORTED_MEDIA_TYPE: ('Unsupported media type "text/csv" in request.', []),
    ProblemType.RANGE_NOT_SATISFIABLE: ("The file has 642 bytes, and none of those that were asked for.", []),
    ProblemType.IDEMPOTENCY_KEY_REUSED: ("The key stands for a request with another body.", []),
    ProblemType.RATE_LIMITED: ("A token may make 300 requests a minute. Go on in 42 seconds.", []),
    ProblemType.TOO_MANY_JOBS: ("The account has 100 jobs waiting.", []),
    ProblemType.INTERNAL_ERROR: ("The request could not be answered. It has been noted.", []),
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
        "description": "What is wrong with one field of the body, query parameter or header.",
        "properties": {
            "field": {"type": "string", "description": "Its name."},
            "detail": {"type": "string", "description": "A sentence for people."},
            "allowed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The values that would have been accepted.",
            },
            "window": {
                "description": "The days that would have been accepted, both included.",
                "$ref": "#/components/schemas/Range",
            },
        },
        "required": ["field", "detail"],
    },
    "Problem": {
        "type": "object",
        "description": "Why something was not done, as RFC 9457 has it. Programs tell problems apart by `type`.",
        "properties": {
            "type": {"type": "string", "description": "The kind of problem; it never changes."},
            "title": {"type": "string", "description": "The kind of problem, for people."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong this time: a sentence for people."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        },
        "required": ["type", "title", "status", "detail"],
    },
}


def name_of(types: Sequence[ProblemType]) -> str:
    """The name of the response that is one of these problems."""
    return "Or".join(_pascal(problem) for problem in types)


def headers_of(types: Sequence[ProblemType]) -> list[str]:
    """The headers that such a response may have."""
    return sorted({name for problem in types for name in _HEADERS.get(problem, ())})


def response(types: Sequence[ProblemType]) -> Json:
    """A response with one of these problems, which share a status."""
    examples = {_pascal(problem): {"summary": problem.title, "value": _example(problem)} for problem in types}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {
        "description": "; or: ".join(f"{problem.title} (`{problem.uri}`)" for problem in types),
        "content": {exceptions.CONTENT_TYPE: content},
    }


def _example(problem: ProblemType) -> Json:
    detail, errors = _EXAMPLES[problem]
    return exceptions.body(problem, detail, errors)


def _pascal(problem: ProblemType) -> str:
    return problem.slug.title().replace("-", "")
