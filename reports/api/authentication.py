"""Bearer tokens: a program acts for the administrator who made its token."""

import structlog
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from billing.models import Administrator, ApiToken

SCHEME = "Bearer"
REFUSED = "The token is unknown, expired or revoked."


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer tally_…`, answered as RFC 6750 has it."""

    def authenticate(self, request: Request) -> tuple[Administrator, ApiToken] | None:
        """The token's owner and the token; None without the header, or with one of another scheme.

        A token that does not hold is refused, whatever session the request belongs to as well.
        """
        secret = _presented(request)
        if secret is None:
            return None
        token = ApiToken.objects.of_secret(secret)
        if token is None:
            raise AuthenticationFailed(REFUSED)
        structlog.contextvars.bind_contextvars(api_token=token.pk)
        token.record_use(timezone.now())
        return token.administrator, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 names as the way in; after a token, that it was the token."""
        return SCHEME if _presented(request) is None else f'{SCHEME} error="invalid_token"'


def _presented(request: Request) -> str | None:
    """What stands after the scheme, which may be anything at all; None when the scheme is another one."""
    scheme, _space, secret = request.headers.get("Authorization", "").strip().partition(" ")
    return secret.strip() if scheme.lower() == SCHEME.lower() else None
