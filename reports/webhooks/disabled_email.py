"""The e-mail to the creator of an endpoint that was disabled because its deliveries failed."""

from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from billing.models import Account
from reports.models import WebhookEndpoint

logger = structlog.get_logger(__name__)


def send_disabled_email(endpoint: WebhookEndpoint) -> None:
    """Send an e-mail to the administrator who added the endpoint, if they can still see its account.

    A failure to send it is only logged: the endpoint's page says the same.
    """
    creator = endpoint.created_by
    if creator is None or not Account.objects.visible_to(creator).filter(pk=endpoint.account_id).exists():
        return
    address = settings.SITE_URL + reverse("account_settings:webhook", args=[endpoint.pk])
    text = render_to_string(
        "reports/webhook_disabled_email.txt", {"endpoint": endpoint, "creator": creator, "address": address}
    )
    try:
        send_mail("A webhook was disabled", text, settings.DEFAULT_FROM_EMAIL, [creator.email])
    except (OSError, SMTPException) as error:
        logger.warning("webhook_email_not_sent", endpoint=endpoint.pk, error=str(error))
