"""Webhooks: the list of endpoints, and an endpoint with the log of its deliveries."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import Account
from reports.models import WebhookDelivery, WebhookEndpoint
from reports.screens.access import administrator_of, permitted_administrator, screen
from reports.screens.webhooks.access import delivery_or_404, endpoint_or_404, may_change
from reports.screens.webhooks.cards import DeliveryCard, cards, found, with_latest

PER_PAGE = 25


@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the endpoints of the visible accounts, searchable by URL, description or account."""
    administrator = permitted_administrator(request)
    endpoints = WebhookEndpoint.objects.visible_to(administrator)
    query = request.GET.get("q", "").strip()
    shown = found(endpoints, query) if query else endpoints
    page = Paginator(with_latest(shown.select_related("account", "created_by")), PER_PAGE).get_page(
        request.GET.get("page")
    )
    several = Account.objects.visible_to(administrator)[:2].count() > 1
    return screen(
        request,
        "webhooks.html",
        title="Webhooks",
        query=query,
        page=page,
        cards=cards(page.object_list, timezone.now()),
        may_change=may_change(administrator),
        several_accounts=several,
        is_searchable=bool(query) or (several and bool(page.object_list)),
    )


@require_safe
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an endpoint: its state, its actions, and the messages sent to it."""
    endpoint = endpoint_or_404(request, pk)
    now = timezone.now()
    deliveries = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("message", "endpoint")
    page = Paginator(deliveries, PER_PAGE).get_page(request.GET.get("page"))
    (card,) = cards(with_latest(WebhookEndpoint.objects.filter(pk=pk).select_related("account", "created_by")), now)
    return screen(
        request,
        "webhook.html",
        title="Webhook",
        card=card,
        endpoint=card.endpoint,
        page=page,
        deliveries=[DeliveryCard(delivery, now) for delivery in page.object_list],
        may_change=may_change(administrator_of(request)),
    )


@require_safe
def webhook_delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a message to an endpoint: its body, and every attempt with its answer."""
    delivery = delivery_or_404(request, pk)
    return screen(
        request,
        "webhook_delivery.html",
        title="Delivery",
        card=DeliveryCard(delivery, timezone.now()),
        endpoint=delivery.endpoint,
        delivery=delivery,
        may_change=may_change(administrator_of(request)),
    )
