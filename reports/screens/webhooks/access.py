"""Who may see an account's webhooks, and who may change them."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from billing.models import Administrator
from billing.permissions import ALL_PERMISSIONS
from reports.models import WebhookDelivery, WebhookEndpoint
from reports.screens.access import administrator_of, permitted_administrator

CHANGING = (ALL_PERMISSIONS, "billing.add_subscription")
NEEDED = (
    "To change webhooks you need the permission Billing > All Permissions or Billing > Subscription > Add. "
    "Ask the platform's staff for it."
)


def may_change(administrator: Administrator) -> bool:
    """Return whether the administrator may change webhooks."""
    return any(administrator.has_perm(permission) for permission in CHANGING)


def changing_administrator(request: HttpRequest) -> Administrator:
    """Return the signed-in administrator. Raises PermissionDenied unless they may change webhooks."""
    administrator = permitted_administrator(request)
    if not may_change(administrator):
        raise PermissionDenied(NEEDED)
    return administrator


def endpoint_or_404(request: HttpRequest, pk: int, *, to_change: bool = False) -> WebhookEndpoint:
    """Return an endpoint of a visible account; `to_change` locks its row in the caller's transaction.

    Raises Http404, then PermissionDenied.
    """
    visible = WebhookEndpoint.objects.visible_to(administrator_of(request)).select_related("account", "created_by")
    if to_change:
        visible = visible.select_for_update(no_key=True, of=("self",))
    endpoint: WebhookEndpoint = get_object_or_404(visible, pk=pk)
    _refuse_unless_permitted(request, to_change=to_change)
    return endpoint


def delivery_or_404(request: HttpRequest, pk: int, *, to_change: bool = False) -> WebhookDelivery:
    """Return a delivery of a visible account; `to_change` locks its endpoint's row in the caller's transaction.

    Raises Http404, then PermissionDenied.
    """
    visible = WebhookEndpoint.objects.visible_to(administrator_of(request))
    if to_change:
        visible.select_for_update(no_key=True, of=("self",)).filter(deliveries=pk).first()
    deliveries = WebhookDelivery.objects.filter(endpoint__in=visible)
    delivery: WebhookDelivery = get_object_or_404(deliveries.select_related("endpoint__account", "message"), pk=pk)
    _refuse_unless_permitted(request, to_change=to_change)
    return delivery


def _refuse_unless_permitted(request: HttpRequest, *, to_change: bool) -> None:
    if to_change:
        changing_administrator(request)
    else:
        permitted_administrator(request)
