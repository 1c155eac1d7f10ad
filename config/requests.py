"""Refuses requests that no view could answer, before any other code reads them."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

ANONYMOUS_BODY_BYTES = 1_000_000
"""More than any form that is open to everybody sends, such as those of signing in and of passwords."""


class BodyTooLargeError(BadRequest):
    """Raised for a large body that was sent without a session; answered 413."""


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that responds 400 to a NUL character in a query or a cookie, which PostgreSQL accepts in no text.

    In the body of a form, the form's fields refuse it with a sentence.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META["QUERY_STRING"] or any("\0" in value for value in request.COOKIES.values()):
            raise BadRequest("Text cannot contain a NUL character.")
        return get_response(request)

    return answer


def refuse_large_anonymous_bodies(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that responds 413 to a large body without a session, of which nothing has been read or stored.

    It stands behind the middleware that knows the session, and in front of the check for forged requests, which reads
    the whole body. A token counts as no session: the API takes far smaller bodies from everybody.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if _content_length(request) > ANONYMOUS_BODY_BYTES and not request.user.is_authenticated:
            raise BodyTooLargeError("The body is too large for a request without a session.")
        return get_response(request)

    return answer


def _content_length(request: HttpRequest) -> int:
    """Return the length of the body. Without a valid length, no body is read."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
