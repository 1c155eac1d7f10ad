"""What came of a request for a report, as a screen tells it: to a script, or on the page that comes back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.deduplicate import is_unchanged
from reports.orders.enqueue import OrderOutcome, PlacedOrder
from reports.screens.reports.cards import JobCard


class Outcome(StrEnum):
    """What came of a request, as the page's address names it."""

    JOB = "job"
    JOINED = "joined"
    UNCHANGED = "unchanged"

    @classmethod
    def of(cls, placed: PlacedOrder) -> "Outcome":
        """A job of its own, one that was under way, or one that was made before."""
        return cls.JOB if placed.outcome is OrderOutcome.CREATED else cls(placed.outcome.value)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page says when it comes back: of which report, and what."""

    card: JobCard
    outcome: Outcome

    @property
    def is_offer(self) -> bool:
        """Whether the report was made before, and would come out the same now."""
        job, today = self.card.job, self.card.now.date()
        return self.outcome is Outcome.UNCHANGED and self.card.has_file and is_unchanged(job, today)

    @property
    def is_under_way(self) -> bool:
        """Whether the report was under way already, and still is."""
        return self.outcome is Outcome.JOINED and not self.card.job.is_finished


def requested_json(request: HttpRequest, placed: PlacedOrder, now: datetime) -> JsonResponse:
    """For a script: the job, with 201 if it is a new one; or what is offered instead of one, as `unchanged`."""
    card = JobCard(placed.job, now)
    if placed.outcome is OrderOutcome.UNCHANGED:
        html = render_to_string("account_settings/_unchanged_report.html", {"card": card}, request=request)
        return JsonResponse({"unchanged": {"html": html}})
    is_joined = placed.outcome is OrderOutcome.JOINED
    answer = {"job": card.as_json(request), "joined": is_joined}
    return JsonResponse(answer, status=200 if is_joined else 201)


def address_of(placed: PlacedOrder, **kept: str) -> str:
    """Without a script: the page that says what came of a request, with the choices `kept`."""
    outcome = Outcome.of(placed)
    place = "report-notice" if outcome is Outcome.UNCHANGED else "in-progress"
    address = reverse("account_settings:download-usage-report", args=[placed.job.subscription_id])
    return f"{address}?{urlencode({**kept, outcome: placed.job.pk})}#{place}"


def notice_of(request: HttpRequest, jobs: ReportJobQuerySet, now: datetime) -> Notice | None:
    """What the page's address asks to be told of one of these jobs."""
    for outcome in Outcome:
        pk = uuid_in(request.GET.get(outcome, ""))
        job: ReportJob | None = jobs.filter(pk=pk).first() if pk else None
        if job is not None:
            return Notice(JobCard(job, now), outcome)
    return None


def uuid_in(text: str) -> uuid.UUID | None:
    """The UUID that the text is; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
