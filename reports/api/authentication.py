"""Bearer tokens: a program acts on behalf of the administrator who created its token."""

import structlog
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from billing.models import Administrator, ApiToken

SCHEME = "Bearer"
REFUSED = "The token is unknown, expired or revoked."


class TokenAuthentication(BaseAuthentication):
    """Authenticates `Authorization: Bearer tally_…` (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[Administrator, ApiToken] | None:
        """Return the token's owner and the token; None without the header or with another scheme.

        Raises AuthenticationFailed for an invalid token, even if the request also has a valid session.
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
        """Return the challenge of a 401, which says so if a token was rejected."""
        return SCHEME if _presented(request) is None else f'{SCHEME} error="invalid_token"'


def _presented(request: Request) -> str | None:
    """Return the text after the scheme, of any length and content; None with another scheme."""
    scheme, _space, secret = request.headers.get("Authorization", "").strip().partition(" ")
    return secret.strip() if scheme.lower() == SCHEME.lower() else None
