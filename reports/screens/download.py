"""Download Usage Report: the page that asks for a report, shows how far it is, and lists those made before."""

import uuid
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from billing.cycles import NOTHING_YET
from billing.models import Subscription
from jobs.states import UNFINISHED
from reports import formats, types
from reports.models import ReportJob
from reports.requesting import TooManyJobsError, request_report
from reports.screens.access import permitted_administrator, screen, subscription_or_404
from reports.screens.forms import CUSTOM, ReportForm
from reports.screens.job_cards import JobCard
from reports.screens.presets import presets

LISTED = 25
MOST_DIGITS = 5
SECONDS_BEFORE_RELOAD = 1
SECONDS_BEFORE_RELOAD_AT_MOST = 10
REMEMBERED = ("range", "date_from", "date_through", "report_type", "format")


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, rather than a person's browser by itself."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


@require_http_methods(["GET", "HEAD", "POST"])
def download_usage_report(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; posted, a job and the page again (or, for a script, the job as JSON with 201, errors with 422)."""
    subscription = subscription_or_404(request, pk)
    now = timezone.now()
    form = _form(request, subscription)
    if request.method == "POST" and form is not None and (job := _requested(request, subscription, form)):
        if wants_json(request):
            return JsonResponse({"job": JobCard(job, now).as_json(request)}, status=201)
        return _page_again(request, job)
    if request.method == "POST" and wants_json(request):
        errors = form.errors if form is not None else {"range": [NOTHING_YET]}
        return JsonResponse({"errors": errors}, status=422)
    return _page(request, subscription, form)


def _requested(request: HttpRequest, subscription: Subscription, form: ReportForm) -> ReportJob | None:
    """The job that the form asks for; None when it cannot be made, which the form then says."""
    if not form.is_valid():
        return None
    try:
        return request_report(
            administrator=permitted_administrator(request),
            subscription=subscription,
            report_type=form.cleaned_data["report_type"],
            format=form.cleaned_data["format"],
            days=form.cleaned_data["days"],
            today=timezone.now().date(),
        )
    except TooManyJobsError as error:
        form.add_error("report_type", str(error))
        return None


def _form(request: HttpRequest, subscription: Subscription) -> ReportForm | None:
    """The form as posted, or as it is at first; None as long as there is nothing to report."""
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
        # What the page was sent back with, after a request without a script.
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
        form=form,
        report_types=types.all_types(),
        in_progress=in_progress,
        recent=recent,
        asked=_asked(request, recent),
        reload=reload,
        reload_seconds=min(SECONDS_BEFORE_RELOAD + reload, SECONDS_BEFORE_RELOAD_AT_MOST),
        tab="recent" if request.GET.get("tab") == "recent" else "usage",
    )


def _asked(request: HttpRequest, recent: list[JobCard]) -> JobCard | None:
    """The finished report for which the page was reloaded."""
    asked = _uuid(request.GET.get("job", ""))
    return next((card for card in recent if card.job.pk == asked), None)


def _page_again(request: HttpRequest, job: ReportJob) -> HttpResponse:
    """Without a script: the page, with the choices kept, on which the job appears."""
    kept = {name: request.POST[name] for name in REMEMBERED if request.POST.get(name)}
    address = reverse("account_settings:download-usage-report", args=[job.subscription_id])
    return HttpResponseRedirect(f"{address}?{urlencode({**kept, 'job': job.pk})}#in-progress")


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the jobs are that `id` names, and every unfinished one of the subscription, as JSON."""
    subscription = subscription_or_404(request, pk)
    now = timezone.now()
    asked = [number for text in request.GET.getlist("id")[:LISTED] if (number := _uuid(text))]
    jobs = (
        ReportJob.objects.filter(subscription=subscription)
        .filter(Q(state__in=UNFINISHED) | Q(pk__in=asked))
        .select_related("subscription", "requested_by")
        .order_by("requested_at")
    )
    return JsonResponse({"jobs": [JobCard(job, now).as_json(request) for job in jobs]})


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
