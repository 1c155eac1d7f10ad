"""Webhooks: the endpoints that receive an account's events, and which events."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from billing.models import Account, Administrator

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from reports.models.webhook_deliveries import WebhookDelivery

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
IN_FLIGHT = 2
IN_FLIGHT_OF_ACCOUNT = 3
"""The most messages in flight to all endpoints of an account: of four workers, one is left to other accounts."""

OVERLAP = timedelta(hours=24)
"""How long the previous secret still signs beside the new one after a rotation."""


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "failed"
    SKIPPED = "skipped", "left out"


class WebhookEvent(models.TextChoices):
    SUCCEEDED = "report_job.succeeded", "A report is ready"
    FAILED = "report_job.failed", "A report failed"
    EXPIRED = "report_job.expired", "A report's file was deleted after the time for which files are kept"


TEST_EVENT = "webhook.test"
"""The type of the message that a person sends to test an endpoint."""


def every_event() -> list[str]:
    """Return all events, which a new endpoint receives by default."""
    return [event.value for event in WebhookEvent]


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the endpoints of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def enabled(self) -> Self:
        """Return the endpoints that receive events."""
        return self.filter(disabled_at=None)


class WebhookEndpoint(models.Model):
    """An address to which an account's messages are sent, and the secret that signs them."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("URL", max_length=2000)
    description = models.CharField(max_length=255, blank=True)
    events = ArrayField(models.CharField(max_length=50, choices=WebhookEvent.choices), default=every_event)
    secret = models.CharField(max_length=100, editable=False)
    previous_secret = models.CharField(max_length=100, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=255, blank=True, editable=False)
    failing_since = models.DateTimeField(
        null=True, editable=False, help_text="The first failure since the last successful delivery."
    )

    objects = models.Manager.from_queryset(WebhookEndpointQuerySet)()

    class Meta:
        ordering = ["account__name", "account__code", "created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="webhook_endpoint_id_stands_with_its_account"),
            models.UniqueConstraint(
                fields=["account", "url"],
                name="webhook_endpoint_is_one_of_its_account",
                violation_error_message="The account already has a webhook with this URL.",
            ),
            models.CheckConstraint(condition=Q(events__len__gt=0), name="webhook_endpoint_wants_some_event"),
            models.CheckConstraint(
                condition=Q(secret__startswith=SECRET_PREFIX), name="webhook_endpoint_has_a_signing_secret"
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_until=None)
                | (~Q(previous_secret="") & Q(previous_secret_until__isnull=False)),
                name="webhook_endpoint_previous_secret_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(disabled_at=None, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="webhook_endpoint_is_disabled_for_a_reason",
            ),
        ]

    if TYPE_CHECKING:
        deliveries: "RelatedManager[WebhookDelivery]"

    def __str__(self) -> str:
        return self.url

    @property
    def is_enabled(self) -> bool:
        """Whether the endpoint receives events."""
        return self.disabled_at is None

    @property
    def max_concurrent(self) -> int:
        """The most messages in flight to it; one while it fails, so that it does not hold up others."""
        return IN_FLIGHT if self.failing_since is None else 1

    @property
    def signing_secrets(self) -> list[str]:
        """The secrets that sign a message now: the current one and, for a while after a rotation, the previous one."""
        if self.previous_secret_until is not None and timezone.now() < self.previous_secret_until:
            return [self.secret, self.previous_secret]
        return [self.secret]

    @property
    def secret_mark(self) -> str:
        """A mark that differs for each secret and reveals nothing about it."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:16]

    def rotate(self, secret: str, *, mark: str) -> bool:
        """Sign with a new secret from now on, and for `OVERLAP` with the current one as well.

        Returns False if the current secret does not have this mark, so that repeating a request rotates once.
        """
        with transaction.atomic():
            present = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            if present is None or present.secret_mark != mark:
                return False
            WebhookEndpoint.objects.filter(pk=self.pk).update(
                secret=secret, previous_secret=F("secret"), previous_secret_until=Now() + OVERLAP
            )
        self.refresh_from_db()
        return True

    def disable(self, reason: str) -> bool:
        """Stop sending events to it and skip its waiting deliveries. Returns False if it was already disabled."""
        with transaction.atomic():
            disabled = (
                WebhookEndpoint.objects.enabled().filter(pk=self.pk).update(disabled_at=Now(), disabled_reason=reason)
            )
            if disabled:
                self._skip_waiting()
        self.refresh_from_db()
        return bool(disabled)

    def enable(self) -> None:
        """Send it events from now on, but not those announced while it was being disabled."""
        with transaction.atomic():
            disabled = (
                WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=self.pk).exclude(disabled_at=None)
            )
            if disabled.exists():
                self._skip_waiting()
                disabled.update(disabled_at=None, disabled_reason="", failing_since=None)
        self.refresh_from_db()

    def remove(self) -> None:
        """Delete it with its log. The row is locked first, so that a concurrent announcement cannot refer to it."""
        with transaction.atomic():
            for endpoint in WebhookEndpoint.objects.select_for_update().filter(pk=self.pk):
                endpoint.delete()

    def _skip_waiting(self) -> None:
        self.deliveries.filter(state=DeliveryState.WAITING).update(
            state=DeliveryState.SKIPPED, next_attempt_at=None, lease_until=None
        )
