"""API tokens: what programs authenticate with on behalf of an administrator."""

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from billing.models.accounts import Account

if TYPE_CHECKING:
    from billing.models.administrators import Administrator

PREFIX = "tally_"
"""What every token begins with: people and secret scanners recognize it."""


def digest(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so that a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Sets of tokens."""

    def visible_to(self, administrator: "Administrator") -> Self:
        """An administrator's own; nobody sees another's."""
        return self.filter(administrator=administrator) if administrator.is_active else self.none()

    def usable(self) -> Self:
        """Those that are neither revoked nor expired, of administrators who are active."""
        return self.filter(revoked_at=None, expires_at__gt=Now(), administrator__is_active=True)

    def issue(
        self,
        *,
        administrator: "Administrator",
        name: str,
        expires_at: datetime,
        account: Account | None = None,
        is_read_only: bool = False,
    ) -> tuple["ApiToken", str]:
        """Save a new token; returns it and the secret itself, which is stored nowhere and cannot be shown again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            administrator=administrator,
            name=name,
            digest=digest(secret),
            hint=secret[-4:],
            expires_at=expires_at,
            account=account,
            is_read_only=is_read_only,
        )
        return token, secret


class ApiToken(models.Model):
    """A name under which a program acts for an administrator: never with more than they may do at that moment."""

    administrator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens", editable=False
    )
    name = models.CharField(max_length=100, help_text="What it is for, such as the program that uses it.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=4, editable=False, help_text="Its last characters, to tell tokens apart.")
    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: every account of its owner.",
    )
    is_read_only = models.BooleanField("read only", default=False, help_text="It requests and cancels nothing.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = models.Manager.from_queryset(ApiTokenQuerySet)()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="api_token_expires_after_it_is_made",
                violation_error_message="The token would have expired already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
