"""Compare with …: two runs of a report over the same days, and the changes that late data made between them."""

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs import files
from jobs.queue_limits import TooManyJobsError
from jobs.states import State
from reports.comparisons.enqueue import enqueue_comparison, in_order, other_runs
from reports.models import Comparison, ReportJob
from reports.orders.downloads import ExpiredError, NotReadyError
from reports.orders.file_responses import PreconditionFailedError, UnsatisfiableRangeError, file_response
from reports.screens.access import administrator_of, comparison_or_404, report_job_or_404, screen
from reports.screens.comparisons.cards import (
    Cell,
    ComparisonCard,
    Difference,
    Run,
    first_differences,
    runs_of,
    total_lines,
)
from reports.screens.reports.cards import JobCard
from ui.progress import progress_response

LISTED = 50
CHOOSE = "Choose the run to compare with."
OF_OTHERS = (
    "Somebody else asked for this comparison. Only they can cancel it, and the platform's staff and people with "
    "Billing > All Permissions."
)


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Offer the other runs of a report, and show the chosen one (`with`) beside it.

    On POST, compare their rows unless that was done before. Rows cannot be compared once a file is gone; the totals
    are shown regardless.
    """
    job = report_job_or_404(request, pk)
    if job.state != State.SUCCEEDED:
        card, sentence = JobCard(job, timezone.now()), f"The report is {job.get_state_display()}, so it has no rows."
        title = "Nothing to compare" if job.is_finished else "Nothing to compare yet"
        return screen(request, "no_file.html", status=409, title=title, card=card, sentence=sentence)
    if request.method != "POST":
        return _page(request, job, _chosen(job, request.GET["with"]) if request.GET.get("with") else None)
    other = _chosen(job, request.POST.get("with", ""), required=False)
    if other is None:
        return _page(request, job, None, error=CHOOSE)
    if not (job.is_expired or other.is_expired):
        try:
            enqueue_comparison(administrator=administrator_of(request), job=job, other=other)
        except TooManyJobsError as error:
            return _page(request, job, other, error=str(error))
    return HttpResponseRedirect(_address(job, other))


def _chosen(job: ReportJob, text: str, *, required: bool = True) -> ReportJob | None:
    """Return the other run with this ID. Raises Http404 if it is required but does not exist."""
    try:
        found = other_runs(job).filter(pk=uuid.UUID(text)).first()
    except ValueError:
        found = None
    if required and found is None:
        raise Http404
    return found


def _address(job: ReportJob, other: ReportJob) -> str:
    address = reverse("account_settings:report-job-compare", args=[job.pk])
    return f"{address}?{urlencode({'with': other.pk})}"


def _page(request: HttpRequest, job: ReportJob, other: ReportJob | None, *, error: str = "") -> HttpResponse:
    now = timezone.now()
    card = JobCard(job, now)
    runs = _runs(job, other, now)
    comparison = None
    if other is not None:
        comparison = Comparison.objects.of(*in_order(job, other)).order_by("-requested_at").first()
    return screen(
        request,
        "comparison.html",
        status=422 if error else 200,
        title=f"Compare {card.title}, {card.days}",
        run=runs[job.pk],
        runs=[run for run in runs.values() if run.job != job],
        error=error,
        **_result(
            card, other, ComparisonCard(comparison, now, _may_cancel(request, comparison)) if comparison else None, runs
        ),
    )


def _runs(job: ReportJob, other: ReportJob | None, now: datetime) -> dict[uuid.UUID, Run]:
    """Return the report and its other runs, the chosen one among them."""
    others = list(other_runs(job)[:LISTED])
    if other is not None and other not in others:
        others.append(other)
    return runs_of([job, *others], now.date())


def _result(
    card: JobCard, other: ReportJob | None, comparison: ComparisonCard | None, runs: dict[uuid.UUID, Run]
) -> dict[str, Any]:
    """Return what `_comparison.html` shows: the part of the page that changes while the rows are being compared."""
    pair = in_order(card.job, other) if other else ()
    headings, differences, is_gone = _differences(comparison.job if comparison else None)
    return {
        "card": card,
        "other": other,
        "sides": [runs[run.pk] for run in pair],
        "totals": total_lines(*pair) if pair else [],
        "is_expired": any(run.is_expired for run in pair),
        "comparison": comparison,
        "headings": headings,
        "differences": differences,
        "is_gone": is_gone,
    }


@require_safe
def comparison_progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Return the progress as JSON, with the result once the `stage` of the page is outdated.

    `run` is the ID of the report whose page it is.
    """
    comparison, now = comparison_or_404(request, pk), timezone.now()
    job, other = comparison.after, comparison.before
    if request.GET.get("run") == str(other.pk):
        job, other = other, job
    shown = ComparisonCard(comparison, now, _may_cancel(request, comparison))

    def content() -> str:
        result = _result(JobCard(job, now), other, shown, _runs(job, other, now))
        return render_to_string("account_settings/_comparison.html", result, request=request)

    return progress_response(request, stage=shown.stage, headline=shown.headline, bar=shown.progress, content=content)


def _differences(comparison: Comparison | None) -> tuple[list[Cell], list[Difference], bool]:
    """Return the headings and the first rows that differ, and whether their file is gone."""
    if comparison is None or comparison.state != State.SUCCEEDED:
        return [], [], False
    if comparison.is_expired or files.is_lost(str(comparison.file.name), comparison.file_bytes):
        return [], [], True
    try:
        return *first_differences(comparison), False
    except FileNotFoundError:
        return [], [], True


def _may_cancel(request: HttpRequest, comparison: Comparison) -> bool:
    administrator = administrator_of(request)
    return comparison.requested_by_id == administrator.pk or administrator.may_end_reports_of_others


@require_safe
def comparison_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Return all differences as a file; 409 before it exists, 410 once it is gone."""
    comparison = comparison_or_404(request, pk)
    try:
        return file_response(request, comparison, administrator=administrator_of(request))
    except NotReadyError:
        sentence = f"The comparison is {comparison.get_state_display()}, so there is no file."
        return _no_file(request, comparison, "No file yet", sentence, status=409)
    except ExpiredError:
        sentence = "The list of differences is no longer available or is damaged. Compare the two runs again."
        return _no_file(request, comparison, "The file has expired", sentence, status=410)
    except PreconditionFailedError as error:
        return HttpResponse(str(error), status=412, content_type="text/plain")
    except UnsatisfiableRangeError as error:
        headers = {"Content-Range": error.content_range}
        return HttpResponse(str(error), status=416, content_type="text/plain", headers=headers)


def _no_file(request: HttpRequest, comparison: Comparison, title: str, sentence: str, *, status: int) -> HttpResponse:
    address = _address(comparison.after, comparison.before)
    return screen(request, "no_comparison_file.html", status=status, title=title, sentence=sentence, address=address)


@require_POST
def comparison_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel a comparison; a finished one stays as it is. 403 for one of others', unless one may end their reports."""
    comparison = comparison_or_404(request, pk)
    if not (comparison.is_finished or _may_cancel(request, comparison)):
        raise PermissionDenied(OF_OTHERS)
    cancelled = comparison.cancel()
    messages.success(request, "The comparison was cancelled." if cancelled else "The comparison had already finished.")
    return HttpResponseRedirect(_address(comparison.after, comparison.before))
