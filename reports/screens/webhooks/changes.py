"""The actions on webhooks: add, edit, rotate the secret, disable, enable, delete, test, send again."""

from functools import partial
from typing import Any

import structlog
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.models import Account
from jobs.locks import hold
from reports.models import WebhookDelivery, WebhookEndpoint
from reports.screens.access import administrator_of, screen
from reports.screens.webhooks.access import changing_administrator, delivery_or_404, endpoint_or_404
from reports.screens.webhooks.forms import WebhookForm
from reports.webhooks.announce import announce_test
from reports.webhooks.signatures import new_secret
from reports.webhooks.tasks import deliver, publish_task

logger = structlog.get_logger(__name__)

DISABLED = "This webhook is disabled. Enable it first."
MOST_TESTS = 10
TESTED_ENOUGH = f"{MOST_TESTS} test messages were sent in the last minute or are still waiting. Check those first."


@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST, add the endpoint and show its secret in this response, the only one that ever does."""
    administrator = changing_administrator(request)
    posted = request.POST if request.method == "POST" else None
    form = WebhookForm(
        posted,
        accounts=Account.objects.visible_to(administrator),
        account=request.GET.get("account", ""),
    )
    if request.method == "POST" and form.is_valid():
        endpoint = _saved(form, WebhookEndpoint(created_by=administrator, secret=new_secret()))
        if endpoint is not None:
            logger.info("webhook_created", endpoint=endpoint.pk, account=endpoint.account_id)
            return _secret_page(request, endpoint, title="New webhook")
    return screen(
        request,
        "webhook_form.html",
        status=_status(request),
        title="New webhook",
        form=form,
        cancel_url=reverse("account_settings:webhooks"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def webhook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form with the current values; on POST, save it."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    posted = request.POST if request.method == "POST" else None
    form = WebhookForm(posted, accounts=Account.objects.visible_to(administrator_of(request)), endpoint=endpoint)
    if request.method == "POST" and form.is_valid() and _saved(form, endpoint) is not None:
        messages.success(request, "The webhook was saved.")
        return _back_to(endpoint)
    context = {
        "title": "Edit webhook",
        "form": form,
        "endpoint": WebhookEndpoint.objects.get(pk=pk),
        "cancel_url": reverse("account_settings:webhook", args=[pk]),
    }
    return screen(request, "webhook_form.html", status=_status(request), **context)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def webhook_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; on POST, rotate the secret and show the new one in this response."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    if request.method != "POST":
        return screen(request, "webhook_rotate.html", title="Rotate the secret", endpoint=endpoint)
    if not endpoint.rotate(new_secret(), mark=request.POST.get("mark", "")):
        messages.warning(
            request, "The secret had already been rotated. If you did not copy the new one, rotate it again."
        )
        return _back_to(endpoint)
    logger.info("webhook_secret_rotated", endpoint=endpoint.pk)
    return _secret_page(request, endpoint, title="New secret")


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; on POST, delete the endpoint and its log."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    if request.method != "POST":
        return screen(request, "webhook_delete.html", title="Delete webhook", endpoint=endpoint)
    logger.info("webhook_deleted", endpoint=endpoint.pk, account=endpoint.account_id)
    endpoint.remove()
    messages.success(request, f"The webhook to {endpoint} was deleted.")
    return HttpResponseRedirect(reverse("account_settings:webhooks"))


@require_POST
@transaction.atomic
def webhook_disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop sending messages to the endpoint."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    if endpoint.disable(f"Disabled by {administrator_of(request).email}."[:255]):
        messages.success(request, "The webhook was disabled. It receives no messages until it is enabled again.")
    return _back_to(endpoint)


@require_POST
@transaction.atomic
def webhook_enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the endpoint messages for events from now on."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    if not endpoint.is_enabled:
        endpoint.enable()
        messages.success(request, "The webhook was enabled. It receives messages for events from now on.")
    return _back_to(endpoint)


@require_POST
@transaction.atomic
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the endpoint a message without an event."""
    endpoint = endpoint_or_404(request, pk, to_change=True)
    if not endpoint.is_enabled:
        messages.error(request, DISABLED)
        return _back_to(endpoint)
    if WebhookDelivery.objects.filter(endpoint=endpoint).recent_tests()[:MOST_TESTS].count() == MOST_TESTS:
        messages.error(request, TESTED_ENOUGH)
        return _back_to(endpoint)
    delivery = announce_test(endpoint)
    transaction.on_commit(partial(publish_task, deliver, delivery.pk), robust=True)
    return HttpResponseRedirect(reverse("account_settings:webhook-delivery", args=[delivery.pk]))


@require_POST
@transaction.atomic
def webhook_delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the same message again, whether or not it was delivered before."""
    delivery = delivery_or_404(request, pk, to_change=True)
    if delivery.endpoint.is_enabled:
        delivery.send_again()
        transaction.on_commit(partial(publish_task, deliver, delivery.pk), robust=True)
    else:
        messages.error(request, DISABLED)
    return HttpResponseRedirect(reverse("account_settings:webhook-delivery", args=[delivery.pk]))


def _saved(form: WebhookForm, endpoint: WebhookEndpoint) -> WebhookEndpoint | None:
    """Save the endpoint; return None, with the reason as an error of the form, if it is no longer valid."""
    try:
        with transaction.atomic():
            # What the form checks against the account's other webhooks is checked again when no other can be added.
            hold(f"webhooks: account {form.cleaned_data['account'].pk}")
            form.full_clean()
            if form.is_valid():
                return _save(form, endpoint)
    except IntegrityError:
        form.full_clean()
        if form.is_valid():
            form.add_error("url", "This was not saved: the account has changed in the meantime. Try again.")
    return None


def _save(form: WebhookForm, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    for name in ("account", "url", "description", "events"):
        setattr(endpoint, name, form.cleaned_data[name])
    # Only the form's fields: the state may have changed in the meantime.
    fields: dict[str, Any] = {} if endpoint.pk is None else {"update_fields": ["url", "description", "events"]}
    endpoint.save(**fields)
    endpoint.refresh_from_db()
    return endpoint


def _secret_page(request: HttpRequest, endpoint: WebhookEndpoint, *, title: str) -> HttpResponse:
    return screen(request, "webhook_secret.html", title=title, endpoint=endpoint, secret=endpoint.secret)


def _status(request: HttpRequest) -> int:
    return 422 if request.method == "POST" else 200


def _back_to(endpoint: WebhookEndpoint) -> HttpResponse:
    return HttpResponseRedirect(reverse("account_settings:webhook", args=[endpoint.pk]))
