"""The outcome of an order, as a screen reports it: to a script, or on the next page."""

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
    """The outcome of an order, as the page's address names it."""

    JOB = "job"
    JOINED = "joined"
    UNCHANGED = "unchanged"

    @classmethod
    def of(cls, placed: PlacedOrder) -> "Outcome":
        """Return whether a job was created, was already in progress, or is up to date."""
        return cls.JOB if placed.outcome is OrderOutcome.CREATED else cls(placed.outcome.value)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the next page says about a report that was ordered."""

    card: JobCard
    outcome: Outcome

    @property
    def is_offer(self) -> bool:
        """Return whether the report exists and is still up to date."""
        job, today = self.card.job, self.card.now.date()
        return self.outcome is Outcome.UNCHANGED and self.card.has_file and is_unchanged(job, today)

    @property
    def is_under_way(self) -> bool:
        """Return whether the report was in progress before it was ordered, and still is."""
        return self.outcome is Outcome.JOINED and not self.card.job.is_finished

    @property
    def has_file(self) -> bool:
        """Return whether the notice links to the file."""
        return self.card.has_file and not self.is_under_way

    @property
    def sentence(self) -> str:
        """Return what became of the report; empty for one in progress that was ordered only now."""
        job, name = self.card.job, f"{self.card.title}, {self.card.days}"
        if self.is_under_way:
            return f"{name} is already in progress."
        if not job.is_finished:
            return ""
        if self.card.has_file:
            return f"{name} is ready."
        return f"{name} {job.get_state_display()}. {job.failure}".rstrip()


def requested_json(request: HttpRequest, placed: PlacedOrder, now: datetime) -> JsonResponse:
    """Answer a script with the job (201 if it is new), or with the up-to-date report offered instead (`unchanged`)."""
    card = JobCard(placed.job, now, may_cancel=True)
    if placed.outcome is OrderOutcome.UNCHANGED:
        html = render_to_string("account_settings/_unchanged_report.html", {"card": card}, request=request)
        return JsonResponse({"unchanged": {"html": html}})
    is_joined = placed.outcome is OrderOutcome.JOINED
    answer = {"job": card.as_json(request), "joined": is_joined}
    return JsonResponse(answer, status=200 if is_joined else 201)


def address_of(placed: PlacedOrder, **kept: str) -> str:
    """Return the address of the page that shows the outcome without a script, with the choices `kept`."""
    outcome = Outcome.of(placed)
    place = "report-notice" if outcome is Outcome.UNCHANGED else "in-progress"
    address = reverse("account_settings:download-usage-report", args=[placed.job.subscription_id])
    return f"{address}?{urlencode({**kept, outcome: placed.job.pk})}#{place}"


def notice_of(request: HttpRequest, jobs: ReportJobQuerySet, now: datetime) -> Notice | None:
    """Return the notice that the page's address asks for, if it names one of these jobs."""
    for outcome in Outcome:
        pk = uuid_in(request.GET.get(outcome, ""))
        job: ReportJob | None = jobs.filter(pk=pk).first() if pk else None
        if job is not None:
            return Notice(JobCard(job, now), outcome)
    return None


def uuid_in(text: str) -> uuid.UUID | None:
    """Parse a UUID; return None if the text is not one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
