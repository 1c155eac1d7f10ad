"""Addresses at which there is nothing."""

from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt

from reports.api.exceptions import ProblemType, plain_response


@csrf_exempt
def missing(request: HttpRequest, **_arguments: object) -> HttpResponse:
    """A 404 at every other address under /api/, whatever the method: never a redirect, on which a body is lost."""
    only_a_slash = not request.path_info.endswith("/") and resolve(f"{request.path_info}/").func is not missing
    hint = "Only the slash at its end is missing." if only_a_slash else "The API begins at /api/v1/."
    return plain_response(ProblemType.NOT_FOUND, f"There is nothing at this address. {hint}")
