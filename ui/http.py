"""What views read from requests, and say in answers, in the same way everywhere."""

from django.http import HttpRequest

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of private responses: no cache stores them, and no browser guesses their type."""


def wants_json(request: HttpRequest) -> bool:
    """Return whether a script sent the request, rather than a browser on its own."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"
