"""Errors of the API: problem details (RFC 9457).

Clients tell problems apart by `type`, which is stable. `detail` is a sentence for people, and `errors` names each
invalid field, parameter or header, with the values or the date range that would have been accepted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"


class ProblemType(Enum):
    """The kinds of problems: the last part of the `type` URN, the HTTP status and the title."""

    MALFORMED_REQUEST = ("malformed-request", 400, "The request is malformed")
    VALIDATION_FAILED = ("validation-failed", 400, "The request is invalid")
    NOT_AUTHENTICATED = ("not-authenticated", 401, "Authentication is required")
    PERMISSION_DENIED = ("permission-denied", 403, "Permission denied")
    NOT_FOUND = ("not-found", 404, "Not found")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "The method is not allowed")
    NOT_ACCEPTABLE = ("not-acceptable", 406, "No acceptable representation is available")
    NOT_READY = ("not-ready", 409, "The report is not ready")
    ALREADY_FINISHED = ("already-finished", 409, "The job has already finished")
    EXPIRED = ("expired", 410, "The file is no longer available")
    PRECONDITION_FAILED = ("precondition-failed", 412, "The file does not match the request's precondition")
    BODY_TOO_LARGE = ("body-too-large", 413, "The request body is too large")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "The media type is not supported")
    RANGE_NOT_SATISFIABLE = ("range-not-satisfiable", 416, "The requested range is not satisfiable")
    IDEMPOTENCY_KEY_REUSED = ("idempotency-key-reused", 422, "The idempotency key was used for a different request")
    RATE_LIMITED = ("rate-limited", 429, "Too many requests")
    TOO_MANY_JOBS = ("too-many-jobs", 429, "Too many jobs are queued")
    INTERNAL_ERROR = ("internal-error", 500, "Internal server error")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.status = status
        self.title = title

    @property
    def uri(self) -> str:
        return f"urn:tallydesk:problem:{self.slug}"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the body, query parameter or header.

    `allowed` lists the accepted values; `window` has the first and last accepted day as `date_from` and `date_through`.
    """

    field: str
    detail: str
    allowed: Iterable[str] | None = None
    window: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"field": self.field, "detail": self.detail}
        if self.allowed is not None:
            answer["allowed"] = list(self.allowed)
        if self.window is not None:
            answer["window"] = dict(self.window)
        return answer


class Problem(exceptions.APIException):
    """Raised inside a view to respond with a problem."""

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


def invalid(errors: Iterable[FieldError]) -> Problem:
    """Return the problem of a well-formed request whose fields or parameters are invalid; `errors` is not empty."""
    first, *others = errors
    more = f" {len(others)} more: see `errors`." if others else ""
    return Problem(ProblemType.VALIDATION_FAILED, f"{first.field}: {first.detail}{more}", errors=[first, *others])


def problem_body(problem_type: ProblemType, detail: str, errors: Iterable[FieldError] = ()) -> dict[str, Any]:
    """Return the members of a problem document."""
    problem: dict[str, Any] = {
        "type": problem_type.uri,
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": detail,
    }
    if listed := [error.as_json() for error in errors]:
        problem["errors"] = listed
    return problem


def problem_response(problem: Problem) -> Response:
    """Return the response that reports the problem."""
    content = problem_body(problem.problem_type, str(problem.detail), problem.errors)
    return Response(content, problem.status_code, headers=problem.headers, content_type=CONTENT_TYPE)


def plain_response(problem_type: ProblemType, detail: str) -> JsonResponse:
    """Return a problem as a plain Django response, for use outside the API's views."""
    return JsonResponse(problem_body(problem_type, detail), status=problem_type.status, content_type=CONTENT_TYPE)


# Exceptions of Django and Django REST framework. Subclasses stand before their base classes: the first match counts.
_TYPES: Mapping[type[Exception], ProblemType] = {
    RequestDataTooBig: ProblemType.BODY_TOO_LARGE,
    exceptions.ParseError: ProblemType.MALFORMED_REQUEST,
    BadRequest: ProblemType.MALFORMED_REQUEST,
    SuspiciousOperation: ProblemType.MALFORMED_REQUEST,
    MultiPartParserError: ProblemType.MALFORMED_REQUEST,
    UnreadablePostError: ProblemType.MALFORMED_REQUEST,
    exceptions.NotAuthenticated: ProblemType.NOT_AUTHENTICATED,
    exceptions.AuthenticationFailed: ProblemType.NOT_AUTHENTICATED,
    exceptions.PermissionDenied: ProblemType.PERMISSION_DENIED,
    PermissionDenied: ProblemType.PERMISSION_DENIED,
    exceptions.NotFound: ProblemType.NOT_FOUND,
    Http404: ProblemType.NOT_FOUND,
    exceptions.MethodNotAllowed: ProblemType.METHOD_NOT_ALLOWED,
    exceptions.NotAcceptable: ProblemType.NOT_ACCEPTABLE,
    exceptions.UnsupportedMediaType: ProblemType.UNSUPPORTED_MEDIA_TYPE,
    exceptions.Throttled: ProblemType.RATE_LIMITED,
}


def exception_handler(exception: Exception, _context: Mapping[str, Any]) -> Response | None:
    """Return the response for an exception of a view; None for an unexpected one, which becomes a logged 500."""
    problem = _problem_of(exception)
    return None if problem is None else problem_response(problem)


def _problem_of(exception: Exception) -> Problem | None:
    if isinstance(exception, Problem):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        return invalid(field_errors(exception.detail))
    for raised, problem_type in _TYPES.items():
        if isinstance(exception, raised):
            return Problem(problem_type, _detail(exception, problem_type), headers=_headers(exception))
    return None


def _detail(exception: Exception, problem_type: ProblemType) -> str:
    # Django's message for a missing object names the model.
    message = "" if problem_type is ProblemType.NOT_FOUND else str(exception)
    return message or f"{problem_type.title}."


def _headers(exception: Exception) -> dict[str, str]:
    """Return the challenge and the waiting time that Django REST framework attached to the exception."""
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(wait)
    return headers


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Yield nested errors as a flat list, each with the path of its field, such as `events.0`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from field_errors(inner, f"{path}.{number}".lstrip(".") if nested else path)
    else:
        yield FieldError(path or "body", str(detail))
