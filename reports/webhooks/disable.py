"""Telling a person that an endpoint of theirs was disabled because of how it answered."""

from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from billing.models import Account
from reports.models import WebhookEndpoint

logger = structlog.get_logger(__name__)


def tell_creator(endpoint: WebhookEndpoint) -> None:
    """Send an e-mail to who added the endpoint, if they still see its account.

    A mail server that is away delays nothing: the screen says the same.
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
