"""Tasks of webhooks. As with jobs, a broker message is only a hint: the periodic tasks replace lost ones."""

from datetime import timedelta

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.db.models.functions import Now

from jobs.publishing import send
from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookMessage
from reports.models.webhooks import IN_FLIGHT_OF_ACCOUNT
from reports.webhooks.announce import announce_ended
from reports.webhooks.deliver import attempt_delivery
from reports.webhooks.disabled_email import send_disabled_email

logger = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
KEPT = timedelta(days=30)
"""How long messages are kept in the log."""

OLD_AT_ONCE = 1000


@shared_task
def announce() -> None:
    """Announce the jobs that have finished, and publish the deliveries that are due."""
    announced = 0
    while count := announce_ended():
        announced += count
    if announced:
        logger.info("jobs_announced", jobs=announced)
    send_due()


@shared_task
def send_due() -> None:
    """Publish every delivery that is due: new ones, retries, and those whose worker died."""
    if exhausted := WebhookDelivery.objects.fail_exhausted():
        logger.warning("webhook_deliveries_exhausted", deliveries=exhausted)
    for pk in WebhookDelivery.objects.to_publish(MOST_AT_ONCE):
        if not publish_task(deliver, pk):
            return


@shared_task
def deliver(pk: int) -> None:
    """Attempt a delivery, unless another worker holds it or it is over; then publish the account's next deliveries."""
    attempt = attempt_delivery(pk)
    if attempt is None:
        return
    endpoint = attempt.endpoint
    if attempt.has_disabled:
        logger.warning("webhook_disabled", endpoint=endpoint.pk, reason=endpoint.disabled_reason)
        send_disabled_email(endpoint)
    for following in WebhookDelivery.objects.filter(account=endpoint.account_id).to_publish(IN_FLIGHT_OF_ACCOUNT):
        publish_task(deliver, following)


@shared_task
def collect_old_messages() -> None:
    """Delete old messages and their log, except messages that are still being sent because a person sent them again."""
    still_sent = WebhookDelivery.objects.filter(state=DeliveryState.WAITING, endpoint__disabled_at=None)
    old = WebhookMessage.objects.filter(created_at__lt=Now() - KEPT).exclude(pk__in=still_sent.values("message"))
    while some := list(old.values_list("pk", flat=True)[:OLD_AT_ONCE]):
        WebhookAttempt.objects.filter(delivery__message__in=some).delete()
        WebhookDelivery.objects.filter(message__in=some).delete()
        WebhookMessage.objects.filter(pk__in=some).delete()


def publish_task(task: "Task[..., None]", *args: int) -> bool:
    """Publish a task. Return False if the broker does not accept it; the periodic tasks make up for that.

    The message expires when the next periodic task is due, which publishes the task again.
    """
    return send(task.name, *args, expires=settings.WEBHOOKS_SWEEP_SECONDS)
