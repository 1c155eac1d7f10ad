"""Error answers outside of any view: a page for people, a problem for programs."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from reports.api.exceptions import ProblemType, plain_response

API = "/api/"
_OUR_FAULT = "The fault is ours and has been recorded. Try again; if it happens again, tell the platform's support."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What nothing could answer, such as a NUL character in a query."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.MALFORMED_REQUEST, "The request holds something that cannot be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What was refused before a view could say why."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.PERMISSION_DENIED, f"{ProblemType.PERMISSION_DENIED.title}.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address at which there is nothing."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.NOT_FOUND, f"{ProblemType.NOT_FOUND.title}.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours: the log says which, the answer does not."""
    if _is_for_a_program(request):
        return plain_response(ProblemType.INTERNAL_ERROR, _OUR_FAULT)
    return defaults.server_error(request)


def _is_for_a_program(request: HttpRequest) -> bool:
    return request.path_info.startswith(API)
