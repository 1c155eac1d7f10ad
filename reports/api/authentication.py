"""Bearer tokens: a program acts for the administrator who made its token."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from billing.models import Administrator, ApiToken
from billing.models.api_tokens import digest


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer tally_…`"""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Administrator, ApiToken] | None:
        """The token's owner and the token; None without the header. A token that does not hold is refused."""
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        usable = ApiToken.objects.usable().select_related("administrator")
        token = usable.filter(digest=digest(secret.strip())).first()
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return token.administrator, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 names as the way in."""
        return self.keyword
