"""The list of all reports, and the actions on one: download it, cancel it, run it again."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.cycles import RangeError
from billing.models import Subscription
from jobs.queue_limits import TooManyJobsError
from reports.models import ReportJob
from reports.orders.deduplicate import Unsubscribed, unsubscribe
from reports.orders.downloads import ExpiredError, NotReadyError
from reports.orders.enqueue import order_again
from reports.orders.file_responses import PreconditionFailedError, UnsatisfiableRangeError, file_response
from reports.screens.access import administrator_of, permitted_administrator, report_job_or_404, screen
from reports.screens.reports.cards import JobCard
from reports.screens.reports.outcomes import address_of, requested_json
from reports.screens.wording import still_waiting_text
from ui.http import wants_json

PER_PAGE = 25
MOST_DIGITS = 20


@require_safe
def report_jobs(request: HttpRequest) -> HttpResponse:
    """List the reports of the visible accounts, latest first; `subscription` limits them to one subscription."""
    administrator = permitted_administrator(request)
    jobs = ReportJob.objects.visible_to(administrator).order_by("-requested_at")
    subscription = None
    # No primary key has more digits, and Python refuses to parse very long numbers.
    if (number := request.GET.get("subscription", "")[:MOST_DIGITS]).isdecimal():
        subscription = Subscription.objects.visible_to(administrator).filter(pk=number).first()
        jobs = jobs.filter(subscription=subscription)
    page = Paginator(jobs.select_related("subscription__account", "requested_by"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    now = timezone.now()
    return screen(
        request,
        "report_jobs.html",
        title="Reports",
        page=page,
        cards=[JobCard(job, now) for job in page.object_list],
        subscription=subscription,
    )


@require_safe
def report_job_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Return the file of a finished report; 409 before it exists, 410 once it is gone."""
    job = report_job_or_404(request, pk)
    card = JobCard(job, timezone.now())
    try:
        return file_response(request, job, administrator=administrator_of(request))
    except NotReadyError as error:
        return screen(request, "no_file.html", status=409, title="No file yet", card=card, sentence=str(error))
    except ExpiredError as error:
        return screen(
            request, "no_file.html", status=410, title="The file has expired", card=card, sentence=str(error), gone=True
        )
    except PreconditionFailedError as error:
        return HttpResponse(str(error), status=412, content_type="text/plain")
    except UnsatisfiableRangeError as error:
        headers = {"Content-Range": error.content_range}
        return HttpResponse(str(error), status=416, content_type="text/plain", headers=headers)


@require_POST
def report_job_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop waiting for a report; cancel the job if no one else waits for it. A finished job stays as it is.

    403 for a report that only others requested, unless the administrator may end those.
    """
    job = report_job_or_404(request, pk)
    administrator = administrator_of(request)
    result = unsubscribe(job, administrator=administrator)
    said = _said_of(job, result)
    if wants_json(request):
        may_cancel = ReportJob.objects.filter(pk=job.pk).cancellable_by(administrator).exists()
        return JsonResponse({"job": JobCard(job, timezone.now(), may_cancel).as_json(request), "said": said})
    messages.success(request, said)
    return _back_to(job)


def _said_of(job: ReportJob, result: Unsubscribed) -> str:
    if result.still_subscribed:
        people = [administrator.email for administrator in result.still_subscribed]
        return f"You no longer wait for this report. {still_waiting_text(people)} for it, so it continues."
    return f"{job} was cancelled." if result.is_cancelled else f"{job} had already finished."


@require_POST
def report_job_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Order the same report again with today's data, whether or not the data has changed."""
    job = report_job_or_404(request, pk)
    now = timezone.now()
    try:
        placed = order_again(job, administrator=administrator_of(request), today=now.date())
    except (RangeError, TooManyJobsError) as error:
        if wants_json(request):
            return JsonResponse({"errors": {"range": [str(error)]}}, status=422)
        messages.error(request, str(error))
        return _back_to(job)
    if wants_json(request):
        return requested_json(request, placed, now)
    return HttpResponseRedirect(address_of(placed))


def _back_to(job: ReportJob) -> HttpResponse:
    address = reverse("account_settings:download-usage-report", args=[job.subscription_id])
    return HttpResponseRedirect(f"{address}#in-progress")
