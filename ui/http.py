"""HTTP helpers that all views share."""

from django.http import HttpRequest

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of a file response: no cache stores it, and no browser guesses its type."""


def wants_json(request: HttpRequest) -> bool:
    """Return whether a script sent the request, rather than a browser on its own."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"
