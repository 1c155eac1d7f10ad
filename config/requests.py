"""Requests that nothing could answer, refused before anything looks at them."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware: 400 for a NUL character in a query or a cookie, since PostgreSQL takes none as part of a text.

    In what a form sends, its fields refuse it with a sentence.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META["QUERY_STRING"] or any("\0" in value for value in request.COOKIES.values()):
            raise BadRequest("A NUL character is part of no text.")
        return get_response(request)

    return answer
