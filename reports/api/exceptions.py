"""What the API answers when it does not do what was asked: problem details as RFC 9457 has them.

A program tells problems apart by `type`, which never changes; `detail` is a sentence for people, and `errors` names
each field, parameter or header that is at fault, with the values or the window that would have been accepted.
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
    PRECONDITION_FAILED = ("precondition-failed", 412, "The file is another one than the request is for")
    BODY_TOO_LARGE = ("body-too-large", 413, "The body is larger than any that is understood")
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


def invalid(errors: Iterable[FieldError]) -> Problem:
    """The problem of a request that can be read, and asks for something that is not possible."""
    first, *others = errors
    more = f" {len(others)} more: see `errors`." if others else ""
    return Problem(ProblemType.VALIDATION_FAILED, f"{first.field}: {first.detail}{more}", errors=[first, *others])


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


# What Django and Django REST framework raise, the finer kinds before those that they refine.
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


def handle(exception: Exception, _context: Mapping[str, Any]) -> Response | None:
    """The answer to what a view raised; None, and so a 500 that is logged, for what nobody foresaw."""
    problem = _problem_of(exception)
    return None if problem is None else response(problem)


def _problem_of(exception: Exception) -> Problem | None:
    if isinstance(exception, Problem):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        return invalid(field_errors(exception.detail))
    for raised, problem_type in _TYPES.items():
        if isinstance(exception, raised):
            return Problem(problem_type, _sentence(exception, problem_type), headers=_headers(exception))
    return None


def _sentence(exception: Exception, problem_type: ProblemType) -> str:
    """What the exception says for people; that of a missing object would name the model."""
    said = "" if problem_type is ProblemType.NOT_FOUND else str(exception)
    return said or f"{problem_type.title}."


def _headers(exception: Exception) -> dict[str, str]:
    """How to authenticate, and how long to wait, as the framework found out."""
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(wait)
    return headers


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Nested errors as a flat list, each under the path of its field: `events.0`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from field_errors(inner, f"{path}.{number}".lstrip(".") if nested else path)
    else:
        yield FieldError(path or "body", str(detail))
