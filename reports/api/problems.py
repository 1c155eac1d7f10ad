"""What the API answers when it does not do what was asked: problem details as RFC 9457 has them.

A program tells problems apart by `type`, which never changes; `detail` is a sentence for people, and `errors` names
each field, parameter or header that is at fault, with the values or the window that would have been accepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.http import JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"


class ProblemType(Enum):
    """The kinds of problems: the end of the `type`, the status and the title."""

    MALFORMED_REQUEST = ("malformed-request", 400, "The request cannot be read")
    VALIDATION_FAILED = ("validation-failed", 400, "The request asks for something that is not possible")
    NOT_AUTHENTICATED = ("not-authenticated", 401, "The request carries no valid token or session")
    PERMISSION_DENIED = ("permission-denied", 403, "This needs a permission that is missing")
    NOT_FOUND = ("not-found", 404, "There is nothing here, or nothing that you may see")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "This address does not know the method")
    NOT_ACCEPTABLE = ("not-acceptable", 406, "There is no such representation")
    NOT_READY = ("not-ready", 409, "The report is not made yet")
    ALREADY_FINISHED = ("already-finished", 409, "The job is finished already")
    EXPIRED = ("expired", 410, "The report's file is gone")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "The body is of another media type than is understood")
    RANGE_NOT_SATISFIABLE = ("range-not-satisfiable", 416, "The file has no such range of bytes")
    IDEMPOTENCY_KEY_REUSED = ("idempotency-key-reused", 422, "The idempotency key stands for another request")
    RATE_LIMITED = ("rate-limited", 429, "There were too many requests in a short time")
    TOO_MANY_JOBS = ("too-many-jobs", 429, "Too many jobs are waiting")
    INTERNAL_ERROR = ("internal-error", 500, "Something went wrong on our side")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.status = status
        self.title = title

    @property
    def uri(self) -> str:
        """The stable `type`."""
        return f"urn:tallydesk:problem:{self.slug}"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the body, query parameter or header.

    `allowed` lists what would have been accepted; `window` the first and the last day, as `date_from`/`date_through`.
    """

    field: str
    detail: str
    allowed: Iterable[str] | None = None
    window: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """As the answer shows it."""
        answer: dict[str, Any] = {"field": self.field, "detail": self.detail}
        if self.allowed is not None:
            answer["allowed"] = list(self.allowed)
        if self.window is not None:
            answer["window"] = dict(self.window)
        return answer


class Problem(exceptions.APIException):
    """Raised inside a view: the answer is this problem."""

    def __init__(
        self,
        problem_type: ProblemType,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem_type = problem_type
        self.status_code = problem_type.status
        self.errors = list(errors)
        self.headers = dict(headers or {})


def body(problem_type: ProblemType, detail: str, errors: Iterable[FieldError] = ()) -> dict[str, Any]:
    """The members of a problem."""
    problem: dict[str, Any] = {
        "type": problem_type.uri,
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": detail,
    }
    if listed := [error.as_json() for error in errors]:
        problem["errors"] = listed
    return problem


def response(problem: Problem) -> Response:
    """The answer to a request that ended in this problem."""
    content = body(problem.problem_type, str(problem.detail), problem.errors)
    return Response(content, problem.status_code, headers=problem.headers, content_type=CONTENT_TYPE)


def plain_response(problem_type: ProblemType, detail: str) -> JsonResponse:
    """The same outside of any view of the API."""
    return JsonResponse(body(problem_type, detail), status=problem_type.status, content_type=CONTENT_TYPE)
