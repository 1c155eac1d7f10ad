"""API tokens, with which programs act on behalf of an administrator."""

import hashlib
import re
import secrets
import uuid
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from billing.models.accounts import Account

if TYPE_CHECKING:
    from billing.models.administrators import Administrator

PREFIX = "tally_"
"""The prefix of every token, by which people and secret scanners recognize it."""

SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}", re.ASCII)
MOST_USABLE = 50
LONGEST = timedelta(days=365)
SOON = timedelta(days=7)
USE_IS_RECORDED_EVERY = timedelta(minutes=1)


class TooManyTokensError(Exception):
    """Raised when an administrator has the maximum number of tokens; the message is a sentence for them."""


class AlreadyIssuedError(Exception):
    """Raised when a form is sent again: its token exists, and the secret was shown then and cannot be shown again."""


class TokenState(Enum):
    """The states of a token, in the words of the screen."""

    ACTIVE = "active"
    EXPIRES_SOON = "expires soon"
    EXPIRED = "expired"
    REVOKED = "revoked"


def digest(token: str) -> str:
    """Return the hash that is stored. A token has 256 random bits, so a plain hash cannot be reversed by guessing."""
    return hashlib.sha256(token.encode()).hexdigest()


def end_of(last_day: date) -> datetime:
    """Return the instant at which a token that is valid through a day expires."""
    return datetime.fromisoformat(f"{last_day + timedelta(days=1)}T00:00+00:00")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, administrator: "Administrator") -> Self:
        """Return an administrator's own tokens, the only ones that they may see."""
        return self.filter(administrator=administrator) if administrator.is_active else self.none()

    def usable(self) -> Self:
        """Return the tokens of active administrators that are neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=Now(), administrator__is_active=True)

    def of_secret(self, secret: str) -> "ApiToken | None":
        """Return the usable token with this secret, with its owner, in one query; None if there is none."""
        if SECRET.fullmatch(secret) is None:
            return None
        return self.usable().select_related("administrator").filter(digest=digest(secret)).first()

    def issue(
        self,
        *,
        administrator: "Administrator",
        name: str,
        expires_at: datetime,
        account: Account | None = None,
        is_read_only: bool = False,
        form_key: uuid.UUID | None = None,
    ) -> tuple["ApiToken", str]:
        """Save a new token. Return it with its secret, which is stored nowhere and cannot be shown again.

        Raises TooManyTokensError, or AlreadyIssuedError if the administrator has a token with this form key.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        with transaction.atomic(using=self.db):
            # Serialized, so that two concurrent requests cannot both take the last place.
            get_user_model().objects.select_for_update(no_key=True).get(pk=administrator.pk)
            own = self.filter(administrator=administrator)
            if form_key is not None and own.filter(form_key=form_key).exists():
                raise AlreadyIssuedError("This form has already made a token.")
            if own.usable().count() >= MOST_USABLE:
                raise TooManyTokensError(f"You have {MOST_USABLE} tokens that work. Revoke one that is not needed.")
            token = self.create(
                administrator=administrator,
                name=name,
                digest=digest(secret),
                hint=secret[-4:],
                expires_at=expires_at,
                account=account,
                is_read_only=is_read_only,
                form_key=form_key or uuid.uuid4(),
            )
            token.refresh_from_db(fields=["created_at"])
        return token, secret


class ApiToken(models.Model):
    """Lets a program act for an administrator, never with more than they may do at that moment."""

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
        help_text="Leave empty for all accounts of its owner.",
    )
    is_read_only = models.BooleanField(
        "read only", default=False, help_text="It can neither request nor cancel reports."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    # A form that is sent twice makes only one token.
    form_key = models.UUIDField(default=uuid.uuid4, editable=False)

    objects = models.Manager.from_queryset(ApiTokenQuerySet)()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at"]
        # Tokens are personal, so there is nothing to grant.
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(name__regex=r"\S"),
                name="api_token_has_a_name",
                violation_error_message="A token needs a name.",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="api_token_expires_after_it_is_made",
                violation_error_message="The token would already have expired.",
            ),
            # Two days more than a year allow for the rest of the last day, and for clocks that differ.
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("created_at") + timedelta(days=367)),
                name="api_token_expires_within_a_year",
                violation_error_message="A token is valid for at most a year.",
            ),
            models.UniqueConstraint(
                fields=["administrator", "form_key"],
                name="api_token_is_made_once_by_a_form",
                violation_error_message="This form has already created a token.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def state(self, now: datetime) -> TokenState:
        """Return the state at an instant."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.EXPIRES_SOON if self.expires_at - now <= SOON else TokenState.ACTIVE

    def is_usable(self, now: datetime) -> bool:
        """Return whether the token works, provided that its owner is active."""
        return self.state(now) in {TokenState.ACTIVE, TokenState.EXPIRES_SOON}

    @property
    def last_day(self) -> date:
        """The last UTC day on which the token works."""
        return (self.expires_at - timedelta(microseconds=1)).date()

    def revoke(self) -> bool:
        """Revoke the token. Return False if it was revoked before."""
        return bool(ApiToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=Now()))

    def record_use(self, now: datetime) -> None:
        """Record a use, at most once a minute. Skips the row, rather than wait, if another transaction holds it."""
        if self.last_used_at is not None and now - self.last_used_at < USE_IS_RECORDED_EVERY:
            return
        due = Q(last_used_at=None) | Q(last_used_at__lt=Now() - USE_IS_RECORDED_EVERY)
        with transaction.atomic():
            free = ApiToken.objects.filter(due, pk=self.pk).select_for_update(skip_locked=True, no_key=True)
            ApiToken.objects.filter(pk__in=free.values("pk")).update(last_used_at=Now())
