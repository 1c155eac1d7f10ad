"""Links for setting a password, sent with an invitation or after a password was forgotten."""

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db.models import Q
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from billing.models import Administrator

logger = logging.getLogger(__name__)

PAUSE = timedelta(minutes=5)
"""The least time between two links to one person, so that the page for forgotten passwords cannot fill a mailbox."""


def set_password_url(administrator: Administrator) -> str:
    """Return a link for one use. It begins with SITE_URL, never with the host that a request names."""
    uid = urlsafe_base64_encode(force_bytes(administrator.pk))
    token = default_token_generator.make_token(administrator)
    path = reverse("password_reset_confirm", kwargs={"uidb64": uid, "token": token})
    return f"{settings.SITE_URL.rstrip('/')}{path}"


def send_invitation(administrator: Administrator) -> bool:
    """Send an administrator their invitation. Return whether a mail went out."""
    return _send(administrator, "You are invited to Tallydesk", "billing/invitation_email.txt")


def send_forgotten_password_link(email: str) -> bool:
    """Send a link to the active administrator with this address, if there is one. Return whether a mail went out.

    This includes people who were invited and have not chosen a password yet.
    """
    administrator = Administrator.objects.filter(email=email.strip().lower(), is_active=True).first()
    if administrator is None:
        return False
    return _send(administrator, "A new password for Tallydesk", "billing/forgotten_password_email.txt")


def _send(administrator: Administrator, subject: str, template: str) -> bool:
    if not _claim_pause(administrator):
        return False
    context = {
        "administrator": administrator,
        "accounts": list(administrator.accounts.values_list("name", flat=True)),
        "url": set_password_url(administrator),
        "site_url": settings.SITE_URL,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
    }
    try:
        send_mail(subject, render_to_string(template, context), None, [administrator.email])
    except (OSError, smtplib.SMTPException):
        logger.exception("A link to set a password could not be sent to administrator %s.", administrator.pk)
        Administrator.objects.filter(pk=administrator.pk).update(link_sent_at=None)
        return False
    return True


def _claim_pause(administrator: Administrator) -> bool:
    """Return whether a mail is due, and record it. One statement decides, so only one concurrent request sends."""
    due = Q(link_sent_at__isnull=True) | Q(link_sent_at__lt=Now() - PAUSE)
    return bool(Administrator.objects.filter(due, pk=administrator.pk, is_active=True).update(link_sent_at=Now()))
