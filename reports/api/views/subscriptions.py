"""Subscriptions: what reports can be asked for on, and for which days."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from billing.models import Subscription, SubscriptionQuerySet
from reports.api.base import ApiView, ListView, ObjectView
from reports.api.filters import SubscriptionFilters
from reports.api.pagination import ByNumber
from reports.api.serializers.subscriptions import SubscriptionSerializer


class Subscriptions(ApiView[Subscription]):
    """Those that the caller sees, as they stand today."""

    queryset = Subscription.objects.none()
    serializer_class = SubscriptionSerializer

    def get_queryset(self) -> SubscriptionQuerySet:
        """With their accounts."""
        return self.caller.subscriptions.select_related("account")

    def get_serializer_context(self) -> Mapping[str, Any]:
        """The clock is read once for the whole answer."""
        return {**super().get_serializer_context(), "today": timezone.now().date()}


class SubscriptionsView(Subscriptions, ListView[Subscription]):
    """The list of subscriptions, by their numbers."""

    filterset_class = SubscriptionFilters
    pagination_class = ByNumber


class SubscriptionView(Subscriptions, ObjectView[Subscription]):
    """One subscription."""
