"""The response for unknown URLs of the API."""

from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt

from reports.api.exceptions import ProblemType, plain_response


@csrf_exempt
def missing(request: HttpRequest, **_arguments: object) -> HttpResponse:
    """Return a 404 for any method at any other URL under /api/. A redirect would lose the body of a request."""
    only_a_slash = not request.path_info.endswith("/") and resolve(f"{request.path_info}/").func is not missing
    hint = "Only the trailing slash is missing." if only_a_slash else "The API starts at /api/v1/."
    return plain_response(ProblemType.NOT_FOUND, f"There is nothing at this URL. {hint}")
