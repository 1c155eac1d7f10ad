"""Refuses requests that no view could answer, before any other code reads them."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that responds 400 to a NUL character in a query or a cookie, which PostgreSQL accepts in no text.

    In the body of a form, the form's fields refuse it with a sentence.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META["QUERY_STRING"] or any("\0" in value for value in request.COOKIES.values()):
            raise BadRequest("Text cannot contain a NUL character.")
        return get_response(request)

    return answer
