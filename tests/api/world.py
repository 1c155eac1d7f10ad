"""A customer of the API and another one, whose secrets nobody else may read."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from tests.factories import make_account, make_api_token, make_subscription
from tests.screens.world import NOW, TODAY, make_member, make_staff

__all__ = ["NOW", "TODAY", "ApiClient", "make_canary", "make_member", "make_staff", "program", "to"]

CANARY = "Canary"
"""Part of every text in the other customer's rows: in no answer to anybody else."""


def to(name: str, *arguments: object) -> str:
    """The address of one of the API's views."""
    return reverse(f"api:{name}", args=arguments)


class ApiClient(Client):
    """A program: it sends and understands JSON, and has perhaps a token."""

    def __init__(self, secret: str | None = None, **kwargs: Any) -> None:
        headers = {"Authorization": f"Bearer {secret}"} if secret else None
        super().__init__(headers=headers, enforce_csrf_checks=True, **kwargs)

    def post_json(self, address: str, body: object = None, **kwargs: Any) -> Any:
        """The answer to a POST with this body; without one, and so without a media type, where it is None."""
        if body is None:
            return self.generic("POST", address, content_type="", **kwargs)
        return self.post(address, body, content_type="application/json", **kwargs)


def program(administrator: Administrator, **fields: Any) -> ApiClient:
    """A program with a new token of the administrator, which lasts by the database's clock: that is never turned."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() + interval '30 days'")
        (expires_at,) = cursor.fetchone()
    _token, secret = make_api_token(administrator=administrator, expires_at=expires_at, **fields)
    return ApiClient(secret)


@dataclass(frozen=True)
class Canary:
    """Another customer, with canary strings wherever a text can be."""

    subscription: Subscription
    administrator: Administrator


def make_canary() -> Canary:
    """An account that nobody else may learn of, with a subscription and an administrator."""
    account = make_account(code="CANARY-ACCOUNT-CODE", name="Canary Account Name")
    subscription = make_subscription(account=account, number="CANARY-NUMBER")
    return Canary(subscription, make_member(account, email="canary@canary.example", name="Canary Administrator"))
