"""Webhook messages, their deliveries, and the log of every attempt."""

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now, RowNumber

from billing.models import Account
from billing.tenancy import SameAccountForeignKey
from jobs.locks import hold
from reports.models.report_jobs import ReportJob
from reports.models.webhooks import IN_FLIGHT, IN_FLIGHT_OF_ACCOUNT, TEST_EVENT, DeliveryState, WebhookEndpoint

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

LEASE = timedelta(seconds=60)
"""Far longer than an attempt may take, so that an expired lease means that the worker died."""

MAX_TRIES = 8


def new_message_id() -> str:
    """Return a new, random ID for a message."""
    return f"msg_{secrets.token_hex(16)}"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Querysets of deliveries. Every instant is taken from the database's clock."""

    def due(self) -> Self:
        """Return the deliveries to attempt now that no worker holds."""
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        return self.filter(free, state=DeliveryState.WAITING, next_attempt_at__lte=Now(), tries__lt=MAX_TRIES)

    def in_flight(self) -> Self:
        """Return the deliveries that a worker holds. Only waiting ones do; the filter by state uses their index."""
        return self.filter(state=DeliveryState.WAITING, lease_until__gte=Now())

    def recent_tests(self) -> Self:
        """Return the test messages of the last minute, and those still waiting."""
        lately = Q(state=DeliveryState.WAITING) | Q(created_at__gt=Now() - timedelta(minutes=1))
        return self.filter(lately, message__type=TEST_EVENT)

    def claim(self, pk: int) -> "WebhookDelivery | None":
        """Claim a due delivery for this worker, as a new try with a new fence.

        Returns None if another worker holds it, it is over, or its endpoint or its account's endpoints already have the
        most messages in flight. The endpoint's row and a lock on the account are held meanwhile, so that concurrent
        workers count one after the other; one UPDATE decides.
        """
        with transaction.atomic():
            locked = WebhookEndpoint.objects.enabled().select_for_update(no_key=True)
            endpoint = locked.filter(pk__in=self.filter(pk=pk).values("endpoint")).first()
            if endpoint is None or not self._has_room_for(endpoint):
                return None
            taken = (
                self.filter(pk=pk).due().update(lease_until=Now() + LEASE, fence=F("fence") + 1, tries=F("tries") + 1)
            )
            return self.select_related("endpoint", "message").get(pk=pk) if taken else None

    def _has_room_for(self, endpoint: WebhookEndpoint) -> bool:
        """Return whether one more message may be in flight: one account's slow endpoints must not take every worker."""
        hold(f"sending: account {endpoint.account_id}")
        counts = (
            self.filter(account=endpoint.account_id)
            .in_flight()
            .order_by()
            .aggregate(of_account=Count("pk"), of_endpoint=Count("pk", filter=Q(endpoint=endpoint)))
        )
        return bool(counts["of_account"] < IN_FLIGHT_OF_ACCOUNT and counts["of_endpoint"] < endpoint.max_concurrent)

    def to_publish(self, most: int) -> list[int]:
        """Return the IDs of up to `most` due deliveries, oldest first, at most `IN_FLIGHT` of each endpoint."""
        rank = models.Window(RowNumber(), partition_by=F("endpoint_id"), order_by=("next_attempt_at", "id"))
        ranked = self.due().filter(endpoint__disabled_at=None).annotate(rank=rank).filter(rank__lte=IN_FLIGHT)
        return list(ranked.order_by("rank", "next_attempt_at").values_list("pk", flat=True)[:most])

    def fail_exhausted(self) -> int:
        """Fail the deliveries whose worker died during the last try. Returns how many."""
        exhausted = self.filter(state=DeliveryState.WAITING, tries__gte=MAX_TRIES, lease_until__lt=Now())
        return exhausted.update(state=DeliveryState.FAILED, next_attempt_at=None, lease_until=None)


class WebhookMessage(models.Model):
    """One event, sent with the same body to each endpoint that wants it. Receivers recognize repeats by its ID."""

    id = models.CharField(max_length=40, primary_key=True, default=new_message_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=50)
    job = models.ForeignKey(ReportJob, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    payload = models.TextField(help_text="The body, exactly as it is signed and sent.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="webhook_message_id_stands_with_its_account"),
            models.UniqueConstraint(fields=["job", "type"], name="webhook_message_tells_an_event_once"),
            SameAccountForeignKey(field="job", name="webhook_message_is_about_a_job_of_its_account"),
        ]
        indexes = [models.Index(fields=["created_at"], name="webhook_message_age")]

    def __str__(self) -> str:
        return f"{self.type}, {self.id}"


class WebhookDelivery(models.Model):
    """The delivery of one message to one endpoint.

    `tries` counts the attempts of the current round; sending again begins a new round. `fence` grows with every claim,
    so that a worker whose lease has expired cannot overwrite its successor's result.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="deliveries",
    )
    message = models.ForeignKey(
        WebhookMessage, on_delete=models.CASCADE, db_constraint=False, related_name="deliveries"
    )
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(WebhookDeliveryQuerySet)()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="webhook_delivery_id_stands_with_its_account"),
            models.UniqueConstraint(fields=["endpoint", "message"], name="webhook_endpoint_gets_a_message_once"),
            SameAccountForeignKey(field="endpoint", name="webhook_delivery_is_to_an_endpoint_of_its_account"),
            SameAccountForeignKey(field="message", name="webhook_delivery_is_of_a_message_of_its_account"),
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False)
                | Q(state__in=["delivered", "failed", "skipped"], next_attempt_at=None, lease_until=None),
                name="webhook_delivery_waits_or_is_over",
            ),
        ]
        indexes = [
            # Deliveries still to be sent: a handful among all finished ones.
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="webhook_delivery_waiting"),
            # The log of an endpoint, a page at a time.
            models.Index(fields=["endpoint", "-created_at", "-id"], name="webhook_delivery_log"),
        ]

    if TYPE_CHECKING:
        attempt_log: "RelatedManager[WebhookAttempt]"

    def __str__(self) -> str:
        return f"{self.message_id} to endpoint {self.endpoint_id}"

    def send_again(self) -> None:
        """Begin a new round of tries at once, whatever the result of the last. A delivery in flight is left alone."""
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        WebhookDelivery.objects.filter(free, pk=self.pk).update(
            state=DeliveryState.WAITING, tries=0, next_attempt_at=Now(), lease_until=None
        )
        self.refresh_from_db()


class WebhookAttempt(models.Model):
    """One attempt at a delivery: the request's answer, or why no request was sent."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, db_constraint=False, related_name="attempt_log"
    )
    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=255, blank=True, help_text="Why the attempt failed, as a sentence.")
    answer = models.TextField(blank=True, help_text="The beginning of the response's body.")

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            SameAccountForeignKey(field="delivery", name="webhook_attempt_is_of_a_delivery_of_its_account"),
            models.CheckConstraint(
                condition=Q(error="", status_code__range=(200, 299)) | ~Q(error=""),
                name="webhook_attempt_succeeds_with_a_2xx",
            ),
        ]

    def __str__(self) -> str:
        return self.error or str(self.status_code)
