"""The Subscription screen, and the list for administrators who see several subscriptions."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from billing.models import Subscription
from reports.models import ReportJob
from reports.screens.access import permitted_administrator, screen, subscription_or_404
from reports.screens.reports.cards import JobCard
from reports.screens.subscriptions.cards import overviews

PER_PAGE = 10
RECENT = 5


def subscriptions(request: HttpRequest) -> HttpResponse:
    """List the visible subscriptions with their numbers, searchable by number or account; open a single one."""
    administrator = permitted_administrator(request)
    visible = Subscription.objects.visible_to(administrator)
    query = request.GET.get("q", "").strip()
    if not query and "page" not in request.GET:
        first_two = visible.values_list("pk", flat=True)[:2]
        if len(first_two) == 1:
            return HttpResponseRedirect(reverse("account_settings:subscription", args=[first_two[0]]))
    found = visible.select_related("account").order_by("account__name", "account__code", "-activation_date")
    if query:
        found = found.filter(
            Q(number__icontains=query) | Q(account__name__icontains=query) | Q(account__code__icontains=query)
        )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    today = timezone.now().date()
    return screen(
        request,
        "subscriptions.html",
        title="Subscriptions",
        query=query,
        page=page,
        overviews=overviews(list(page.object_list), today),
    )


def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the current cycle of a subscription at a glance."""
    shown = subscription_or_404(request, pk)
    now = timezone.now()
    recent = (
        ReportJob.objects.filter(subscription=shown)
        .select_related("subscription", "requested_by")
        .order_by("-requested_at")[:RECENT]
    )
    (overview,) = overviews([shown], now.date())
    return screen(
        request,
        "subscription.html",
        title=shown.account.name,
        subscription=shown,
        overview=overview,
        recent=[JobCard(job, now) for job in recent],
    )
