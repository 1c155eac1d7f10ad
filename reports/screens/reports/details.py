"""What a report's file holds, for who holds it against an invoice: its details on a page, and its manifest."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from billing.cycles import DateRange
from jobs.states import State
from reports import formats
from reports.api.serializers.manifests import manifest_bytes
from reports.engine.totals import Totals
from reports.models import ReportJob
from reports.screens.access import report_job_or_404, screen
from reports.screens.reports.cards import JobCard
from reports.screens.wording import total_text, total_unit_text
from ui.formatting import days_text, duration_text, instant_text, number_text, size_text
from ui.http import PRIVATE


@dataclass(frozen=True, slots=True)
class TotalLine:
    """A control total as a row of the table: the amount as text, and what it is an amount of."""

    name: str
    amount: str
    of: str


@dataclass(frozen=True, slots=True)
class Details:
    """A report job in all its parts, each as text."""

    card: JobCard

    @property
    def job(self) -> ReportJob:
        """The job itself."""
        return self.card.job

    @property
    def days(self) -> str:
        """The range with its years."""
        return days_text(self.job.range)

    @property
    def cycles(self) -> Sequence[str]:
        """The billing cycles that the range touches, whole; none in files of old."""
        return [
            days_text(DateRange(date.fromisoformat(it["first_day"]), date.fromisoformat(it["last_day"])))
            for it in self.job.file_cycles
        ]

    @property
    def as_of(self) -> str:
        """The instant of the data; empty in files of old."""
        return instant_text(self.job.file_as_of, milliseconds=True) if self.job.file_as_of else ""

    @property
    def requested(self) -> str:
        """When it was asked for."""
        return instant_text(self.job.requested_at)

    @property
    def finished(self) -> str:
        """When it ended; empty before."""
        return instant_text(self.job.finished_at) if self.job.finished_at else ""

    @property
    def how(self) -> str:
        """How long the attempt took that ended the job, and by which software; what of it is known."""
        started, finished, version = self.job.started_at, self.job.finished_at, self.job.software_version
        took = f"in {duration_text(finished - started)}" if started and finished else ""
        return ", ".join(filter(None, [took, f"by Tallydesk {version}" if version else ""]))

    @property
    def format(self) -> str:
        """The format's title; its slug when it is no longer known."""
        return formats.title_of(self.job.format)

    @property
    def rows(self) -> str:
        """How many rows the file has."""
        return number_text(self.job.file_rows or 0)

    @property
    def bytes(self) -> str:
        """How long it is, to the byte."""
        return number_text(self.job.file_bytes or 0)

    @property
    def size(self) -> str:
        """The same, roughly, where that is another word."""
        size = size_text(self.job.file_bytes or 0)
        return "" if size.endswith(("byte", "bytes")) else size

    @property
    def expires(self) -> str:
        """Until when the file is kept; empty for none."""
        return instant_text(self.job.expires_at) if self.card.has_file and self.job.expires_at else ""

    @property
    def totals(self) -> Sequence[TotalLine]:
        """The control totals; none in files of old."""
        if self.job.totals is None:
            return []
        return [
            TotalLine(line.name, total_text(line.amount, line.unit), total_unit_text(line))
            for line in Totals.from_json(self.job.totals).lines()
        ]

    @property
    def again(self) -> str:
        """The word for asking once more, of any job that is over."""
        return (self.card.again or "Make again") if self.job.is_finished else ""


@require_safe
def report_job(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A report with all that is known of it; before it is made, and when it never will be, what became of it."""
    job = report_job_or_404(request, pk)
    card = JobCard(job, timezone.now())
    return screen(
        request,
        "report_job.html",
        title=f"{card.title}, {card.days}",
        card=card,
        details=Details(card),
        is_made=job.state == State.SUCCEEDED,
        kept_days=settings.REPORT_RETENTION_DAYS,
    )


@require_safe
def report_job_manifest(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The manifest, byte for byte that of the API; 409 where there is none. It stays when the file is gone."""
    job = report_job_or_404(request, pk)
    if job.state != State.SUCCEEDED:
        card, sentence = JobCard(job, timezone.now()), f"The report is {job.get_state_display()}: there is no manifest."
        title = "No manifest" if job.is_finished else "No manifest yet"
        return screen(request, "no_file.html", status=409, title=title, card=card, sentence=sentence)
    named = content_disposition_header(as_attachment=True, filename=f"{job.download_name}.manifest.json") or ""
    headers = {"Content-Disposition": named, **PRIVATE}
    return HttpResponse(manifest_bytes(job), content_type="application/json", headers=headers)
