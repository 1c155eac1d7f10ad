"""Error responses outside of any view: a page for people, a problem for programs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from config.requests import ANONYMOUS_BODY_BYTES, BodyTooLargeError
from reports.api.exceptions import ProblemType, plain_response
from ui.formatting import size_text

API = "/api/"
_OUR_FAULT = "The fault is ours and has been recorded. Try again; if it happens again, tell the platform's support."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a request that no view can handle, such as one with a NUL character in its query or a large body."""
    if isinstance(exception, BodyTooLargeError):
        return _body_too_large(request)
    if _is_for_a_program(request):
        return plain_response(ProblemType.MALFORMED_REQUEST, "The request contains something that cannot be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a request that was refused before reaching a view."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.PERMISSION_DENIED, f"{ProblemType.PERMISSION_DENIED.title}.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to an address that does not exist."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.NOT_FOUND, f"{ProblemType.NOT_FOUND.title}.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to an unexpected error, whose details go only to the log."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.INTERNAL_ERROR, _OUR_FAULT)
    return defaults.server_error(request)


def _body_too_large(request: HttpRequest) -> HttpResponse:
    limit = size_text(ANONYMOUS_BODY_BYTES)
    if _is_for_a_program(request):
        return plain_response(ProblemType.BODY_TOO_LARGE, f"The body is larger than {limit}.")
    return render(request, "413.html", {"limit": limit}, status=413)


def _is_for_a_program(request: HttpRequest) -> bool:
    return request.path_info.startswith(API)
