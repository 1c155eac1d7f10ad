"""Download Usage Report: the page that orders reports, shows their progress, and lists earlier ones."""

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from billing.cycles import NOTHING_YET, ONE_DAY
from billing.models import Subscription
from jobs.states import UNFINISHED
from reports import formats, types
from reports.models import ReportJob
from reports.orders.enqueue import (
    PlacedOrder,
    ReportOrder,
    SubscriptionDeletedError,
    TooManyJobsError,
    enqueue_report,
)
from reports.screens.access import permitted_administrator, screen, subscription_or_404
from reports.screens.reports.cards import JobCard
from reports.screens.reports.forms import CUSTOM, ReportForm
from reports.screens.reports.outcomes import address_of, notice_of, requested_json, uuid_in
from reports.screens.reports.presets import presets
from ui.http import wants_json

LISTED = 25
MOST_DIGITS = 5
SECONDS_BEFORE_RELOAD = 1
SECONDS_BEFORE_RELOAD_AT_MOST = 10
REMEMBERED = ("range", "date_from", "date_through", "report_type", "format", "totals_sheet")


@require_http_methods(["GET", "HEAD", "POST"])
def download_usage_report(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form; on POST, order the report and show the page again (for a script: JSON, errors with 422)."""
    subscription = subscription_or_404(request, pk)
    now = timezone.now()
    form = _form(request, subscription)
    if request.method == "POST" and form is not None and (placed := _placed(request, subscription, form)):
        if wants_json(request):
            return requested_json(request, placed, now)
        kept = {name: request.POST[name] for name in REMEMBERED if request.POST.get(name)}
        return HttpResponseRedirect(address_of(placed, **kept))
    if request.method == "POST" and wants_json(request):
        errors = form.errors if form is not None else {"range": [NOTHING_YET]}
        return JsonResponse({"errors": errors}, status=422)
    return _page(request, subscription, form)


def _placed(request: HttpRequest, subscription: Subscription, form: ReportForm) -> PlacedOrder | None:
    """Order what the form asks for; return None, with the reason as an error of the form, if that is not possible."""
    if not form.is_valid():
        return None
    try:
        order = ReportOrder(
            subscription=subscription,
            report_type=form.cleaned_data["report_type"],
            format=form.cleaned_data["format"],
            totals_sheet=form.cleaned_data["totals_sheet"],
            days=form.cleaned_data["days"],
        )
        return enqueue_report(order, administrator=permitted_administrator(request), today=timezone.now().date())
    except SubscriptionDeletedError as error:
        raise Http404 from error
    except TooManyJobsError as error:
        form.add_error("report_type", str(error))
        return None


def _form(request: HttpRequest, subscription: Subscription) -> ReportForm | None:
    """Return the form as posted, or with its initial values; None while there is nothing to report."""
    today = timezone.now().date()
    contract = subscription.contract
    window = contract.available(today)
    if window is None:
        return None
    offered = list(presets(contract, today))
    if request.method == "POST":
        return ReportForm(request.POST, presets=offered, window=window)
    default = contract.default_range(today) or window
    initial = {
        "range": next((preset.slug for preset in offered if preset.days), CUSTOM),
        "date_from": default.date_from,
        "date_through": default.date_through,
        "report_type": types.all_types()[0].slug,
        "format": formats.DEFAULT,
        # The choices that the address carries after a POST without a script.
        **{name: request.GET[name] for name in REMEMBERED if request.GET.get(name)},
    }
    return ReportForm(initial=initial, presets=offered, window=window)


def _page(request: HttpRequest, subscription: Subscription, form: ReportForm | None) -> HttpResponse:
    now = timezone.now()
    reload = _number(request.GET.get("reload", "")) + 1
    jobs = ReportJob.objects.filter(subscription=subscription).select_related("subscription", "requested_by")
    in_progress = [JobCard(job, now) for job in jobs.filter(state__in=UNFINISHED).order_by("requested_at")]
    recent = [JobCard(job, now) for job in jobs.exclude(state__in=UNFINISHED).order_by("-requested_at")[:LISTED]]
    return screen(
        request,
        "download_usage_report.html",
        status=422 if form is not None and form.is_bound else 200,
        title="Download Usage Report",
        subscription=subscription,
        today=now.date(),
        tomorrow=now.date() + ONE_DAY,
        form=form,
        report_types=types.all_types(),
        in_progress=in_progress,
        recent=recent,
        notice=notice_of(request, jobs, now),
        reload=reload,
        reload_seconds=min(SECONDS_BEFORE_RELOAD + reload, SECONDS_BEFORE_RELOAD_AT_MOST),
        tab="recent" if request.GET.get("tab") == "recent" else "usage",
    )


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the progress of the jobs named by `id`, and of every unfinished job of the subscription, as JSON."""
    subscription = subscription_or_404(request, pk)
    now = timezone.now()
    asked = [number for text in request.GET.getlist("id")[:LISTED] if (number := uuid_in(text))]
    jobs = (
        ReportJob.objects.filter(subscription=subscription)
        .filter(Q(state__in=UNFINISHED) | Q(pk__in=asked))
        .select_related("subscription", "requested_by")
        .order_by("requested_at")
    )
    return JsonResponse({"jobs": [JobCard(job, now).as_json(request) for job in jobs]})


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0
