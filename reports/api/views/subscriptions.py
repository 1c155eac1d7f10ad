"""Views of subscriptions and the days for which reports are available."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from billing.models import Subscription, SubscriptionQuerySet
from reports.api.base import ApiView, ListView, ObjectView
from reports.api.filters import SubscriptionFilters
from reports.api.pagination import ByNumber
from reports.api.serializers.subscriptions import SubscriptionSerializer


class Subscriptions(ApiView[Subscription]):
    """Base class for views of the subscriptions that the caller sees, as of today."""

    queryset = Subscription.objects.none()
    serializer_class = SubscriptionSerializer

    def get_queryset(self) -> SubscriptionQuerySet:
        return self.caller.subscriptions.select_related("account")

    def get_serializer_context(self) -> Mapping[str, Any]:
        """Add today; the clock is read once for the whole response."""
        return {**super().get_serializer_context(), "today": timezone.now().date()}


class SubscriptionsView(Subscriptions, ListView[Subscription]):
    """Lists subscriptions, ordered by their numbers."""

    filterset_class = SubscriptionFilters
    pagination_class = ByNumber


class SubscriptionView(Subscriptions, ObjectView[Subscription]):
    """Shows a subscription as of today."""
