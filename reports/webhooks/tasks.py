"""The tasks of webhooks. As with jobs, a message is only a hint: what got lost is made good by the periodic ones."""

from datetime import timedelta

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.db.models.functions import Now

from jobs.publishing import send
from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookMessage
from reports.models.webhooks import IN_FLIGHT_OF_ACCOUNT
from reports.webhooks import disable
from reports.webhooks.announce import announce_ended
from reports.webhooks.deliver import attempt_delivery

logger = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
KEPT = timedelta(days=30)
"""How long messages stay in the log."""

OLD_AT_ONCE = 1000


@shared_task
def announce() -> None:
    """Make messages of the jobs that ended, and send them."""
    announced = 0
    while count := announce_ended():
        announced += count
    if announced:
        logger.info("jobs_announced", jobs=announced)
    send_due()


@shared_task
def send_due() -> None:
    """Tell the workers of every delivery that is due: new ones, retries, and those whose worker died."""
    if given_up := WebhookDelivery.objects.fail_exhausted():
        logger.warning("webhook_deliveries_abandoned", deliveries=given_up)
    for pk in WebhookDelivery.objects.to_publish(MOST_AT_ONCE):
        if not hint(deliver, pk):
            return


@shared_task
def deliver(pk: int) -> None:
    """Send one message once, unless another worker has it or it is over; then tell of the account's next ones."""
    attempt = attempt_delivery(pk)
    if attempt is None:
        return
    endpoint = attempt.endpoint
    if attempt.has_disabled:
        logger.warning("webhook_disabled", endpoint=endpoint.pk, reason=endpoint.disabled_reason)
        disable.tell_creator(endpoint)
    for following in WebhookDelivery.objects.filter(account=endpoint.account_id).to_publish(IN_FLIGHT_OF_ACCOUNT):
        hint(deliver, following)


@shared_task
def collect_old_messages() -> None:
    """Delete what the log of deliveries kept long enough; not what is still sent because a person wanted it again."""
    still_sent = WebhookDelivery.objects.filter(state=DeliveryState.WAITING, endpoint__disabled_at=None)
    old = WebhookMessage.objects.filter(created_at__lt=Now() - KEPT).exclude(pk__in=still_sent.values("message"))
    while some := list(old.values_list("pk", flat=True)[:OLD_AT_ONCE]):
        WebhookAttempt.objects.filter(delivery__message__in=some).delete()
        WebhookDelivery.objects.filter(message__in=some).delete()
        WebhookMessage.objects.filter(pk__in=some).delete()


def hint(task: "Task[..., None]", *args: int) -> bool:
    """Tell the workers of a task; False when the broker is away: the periodic tasks make good.

    What no worker took until the next one says it again lapses.
    """
    return send(task.name, *args, expires=settings.WEBHOOKS_SWEEP_SECONDS)
