"""Programs that call the API."""

from typing import Any

from django.db import connection
from django.test import Client

from billing.models import Administrator
from tests.factories import make_api_token


class ApiClient(Client):
    """A client that sends and reads JSON, with an optional API token."""

    def __init__(self, secret: str | None = None, **kwargs: Any) -> None:
        headers = {"Authorization": f"Bearer {secret}"} if secret else None
        super().__init__(headers=headers, enforce_csrf_checks=True, **kwargs)

    def post_json(self, address: str, body: object = None, **kwargs: Any) -> Any:
        """Return the response to a POST; with None as the body it has neither body nor media type."""
        if body is None:
            return self.generic("POST", address, content_type="", **kwargs)
        return self.post(address, body, content_type="application/json", **kwargs)


def program(administrator: Administrator, **fields: Any) -> ApiClient:
    """Return a client with a new token of the administrator.

    The token lasts 30 days by the clock of the database, which no test changes.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() + interval '30 days'")
        (expires_at,) = cursor.fetchone()
    _token, secret = make_api_token(administrator=administrator, expires_at=expires_at, **fields)
    return ApiClient(secret)
