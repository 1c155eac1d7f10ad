"""Webhooks and deliveries as screens show them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from reports.models.webhook_deliveries import MAX_TRIES
from reports.models.webhooks import every_event
from ui.formatting import count_text, moment_text

TITLES = {
    WebhookEvent.SUCCEEDED: "Report ready",
    WebhookEvent.FAILED: "Report failed",
    WebhookEvent.EXPIRED: "File expired",
}


MOST_ATTEMPTS = 50
"""The most attempts that a delivery's page shows; a delivery that is sent again has more."""


def event_title(event: str) -> str:
    """Return `Report ready` and the like, or `Test message`."""
    return TITLES[WebhookEvent(event)] if event in TITLES else "Test message"


@dataclass(frozen=True, slots=True)
class AttemptCard:
    """An attempt at a delivery, as seen at an instant."""

    attempt: WebhookAttempt
    now: datetime

    @property
    def moment(self) -> str:
        """Return when the attempt began, to the second."""
        return f"{moment_text(self.attempt.started_at, self.now.date())}:{self.attempt.started_at:%S}"

    @property
    def slug(self) -> str:
        """Return the outcome as a CSS class."""
        return "failed" if self.attempt.error else "delivered"

    @property
    def outcome(self) -> str:
        """Return why the attempt failed, or the status of the answer."""
        return self.attempt.error or f"Answered with status {self.attempt.status_code}."


@dataclass(frozen=True, slots=True)
class DeliveryCard:
    """A delivery as seen at an instant."""

    delivery: WebhookDelivery
    now: datetime

    @property
    def title(self) -> str:
        return event_title(self.delivery.message.type)

    @property
    def created(self) -> str:
        return moment_text(self.delivery.created_at, self.now.date())

    @property
    def outcome(self) -> str:
        """Return the state, or when the next attempt is."""
        delivery = self.delivery
        if delivery.state != DeliveryState.WAITING or delivery.next_attempt_at is None:
            return delivery.get_state_display()
        if delivery.next_attempt_at <= self.now:
            return "sending"
        return f"next attempt {moment_text(delivery.next_attempt_at, self.now.date())}"

    @property
    def tries(self) -> str:
        """Return the number of attempts since the message was created or sent again."""
        if not self.delivery.tries:
            return "none yet"
        if self.delivery.state == DeliveryState.WAITING:
            return f"attempt {self.delivery.tries} of {MAX_TRIES}"
        return count_text(self.delivery.tries, "attempt", "attempts")

    @property
    def attempts(self) -> Iterator[AttemptCard]:
        """Yield the latest attempts, newest first."""
        for attempt in self.delivery.attempt_log.all()[:MOST_ATTEMPTS]:
            yield AttemptCard(attempt, self.now)

    @property
    def may_be_sent_again(self) -> bool:
        """Return whether the message can be sent again now."""
        is_on_its_way = self.delivery.lease_until is not None and self.delivery.lease_until > self.now
        return self.delivery.endpoint.is_enabled and not is_on_its_way


@dataclass(frozen=True, slots=True)
class EndpointCard:
    """An endpoint and its latest delivery, as seen at an instant."""

    endpoint: WebhookEndpoint
    latest: WebhookDelivery | None
    waiting: int
    now: datetime

    @property
    def slug(self) -> str:
        """Return the state as a CSS class."""
        if not self.endpoint.is_enabled:
            return "disabled"
        return "active" if self.endpoint.failing_since is None else "failing"

    @property
    def state(self) -> str:
        if self.endpoint.disabled_at is not None:
            return f"disabled {self._moment(self.endpoint.disabled_at)}"
        if self.endpoint.failing_since is not None:
            return f"failing since {self._moment(self.endpoint.failing_since)}"
        return "enabled"

    @property
    def events(self) -> str:
        if set(self.endpoint.events) == set(every_event()):
            return "All events"
        return ", ".join(event_title(event) for event in every_event() if event in self.endpoint.events)

    @property
    def latest_text(self) -> str:
        """Return the time and state of the latest message."""
        if self.latest is None:
            return "None yet"
        card = DeliveryCard(self.latest, self.now)
        return f"{card.created}, {card.outcome}"

    @property
    def created(self) -> str:
        """Return when the webhook was added, and by whom."""
        by = f" by {self.endpoint.created_by.email}" if self.endpoint.created_by else ""
        return f"{self._moment(self.endpoint.created_at)}{by}"

    @property
    def overlap(self) -> str:
        """Return until when the previous secret is valid; empty once it is not."""
        until = self.endpoint.previous_secret_until
        return self._moment(until) if until is not None and until > self.now else ""

    def _moment(self, moment: datetime) -> str:
        return moment_text(moment, self.now.date())


def with_latest(endpoints: QuerySet[WebhookEndpoint]) -> QuerySet[WebhookEndpoint]:
    """Annotate endpoints with the ID of their latest delivery and the number of waiting messages."""
    latest = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-created_at", "-id")
    waiting = (
        WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING)
        .order_by()
        .values("endpoint")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return endpoints.annotate(latest_delivery=Subquery(latest.values("pk")[:1]), waiting=Subquery(waiting))


def cards(endpoints: Iterable[WebhookEndpoint], now: datetime) -> list[EndpointCard]:
    """Return cards of endpoints annotated by `with_latest`; runs one query."""
    listed = list(endpoints)
    latest = WebhookDelivery.objects.select_related("message", "endpoint").in_bulk(
        [pk for endpoint in listed if (pk := getattr(endpoint, "latest_delivery", None))]
    )
    return [
        EndpointCard(
            endpoint,
            latest.get(getattr(endpoint, "latest_delivery", None) or 0),
            getattr(endpoint, "waiting", None) or 0,
            now,
        )
        for endpoint in listed
    ]


def found(endpoints: QuerySet[WebhookEndpoint], query: str) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints whose URL, description or account contains the text."""
    return endpoints.filter(
        Q(url__icontains=query)
        | Q(description__icontains=query)
        | Q(account__name__icontains=query)
        | Q(account__code__icontains=query)
    )
