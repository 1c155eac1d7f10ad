"""A report's page, with all that is needed to check it against an invoice, and its manifest."""

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
from reports.models import ReportJob
from reports.screens.access import report_job_or_404, screen
from reports.screens.reports.cards import JobCard
from reports.screens.wording import kind_text, named_totals, total_text, total_unit_text
from ui.formatting import days_text, duration_text, instant_text, number_text, size_text
from ui.http import PRIVATE


@dataclass(frozen=True, slots=True)
class TotalLine:
    """A control total as a row of the table: its name, its amount, and its unit."""

    name: str
    amount: str
    of: str


@dataclass(frozen=True, slots=True)
class Details:
    """Every detail of a report job as text."""

    card: JobCard

    @property
    def job(self) -> ReportJob:
        return self.card.job

    @property
    def days(self) -> str:
        return days_text(self.job.range)

    @property
    def cycles(self) -> Sequence[str]:
        """Return the whole billing cycles that the range touches; none for files that did not record them."""
        return [
            days_text(DateRange(date.fromisoformat(it["first_day"]), date.fromisoformat(it["last_day"])))
            for it in self.job.file_cycles
        ]

    @property
    def as_of(self) -> str:
        """Return the instant of the data; empty for files that did not record it."""
        return instant_text(self.job.file_as_of, milliseconds=True) if self.job.file_as_of else ""

    @property
    def requested(self) -> str:
        return instant_text(self.job.requested_at)

    @property
    def finished(self) -> str:
        return instant_text(self.job.finished_at) if self.job.finished_at else ""

    @property
    def how(self) -> str:
        """Return how long the last attempt took, and the software version, as far as they are known."""
        started, finished, version = self.job.started_at, self.job.finished_at, self.job.software_version
        took = f"in {duration_text(finished - started)}" if started and finished else ""
        return ", ".join(filter(None, [took, f"by Tallydesk {version}" if version else ""]))

    @property
    def format(self) -> str:
        """Return the format's title, or its slug if the format no longer exists."""
        return formats.title_of(self.job.format)

    @property
    def rows(self) -> str:
        return number_text(self.job.file_rows or 0)

    @property
    def bytes(self) -> str:
        return number_text(self.job.file_bytes or 0)

    @property
    def size(self) -> str:
        """Return the rounded size; empty below 1,000 bytes, where it would repeat the exact one."""
        size = size_text(self.job.file_bytes or 0)
        return "" if size.endswith(("byte", "bytes")) else size

    @property
    def expires(self) -> str:
        """Return when the file expires; empty if there is no file."""
        return instant_text(self.job.expires_at) if self.card.has_file and self.job.expires_at else ""

    @property
    def totals(self) -> Sequence[TotalLine]:
        """Return the control totals; none for files that did not record them."""
        return [
            TotalLine(line.name, total_text(line.amount, line.unit), total_unit_text(line))
            for line in named_totals(self.job)
        ]

    @property
    def columns(self) -> Sequence[tuple[str, str, str]]:
        """Return heading, kind and unit of each column; none for files that did not record them."""
        return [(it["name"], kind_text(it["kind"]), it.get("unit", "")) for it in self.job.file_columns]

    @property
    def again(self) -> str:
        """Return the label of the button that orders the report again; empty until the job has ended."""
        return (self.card.again or "Run again") if self.job.is_finished else ""


@require_safe
def report_job(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a report with all its details, or its progress, or why there is none."""
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
    """Return the manifest, byte for byte the API's; 409 if there is none. It outlives the file."""
    job = report_job_or_404(request, pk)
    if job.state != State.SUCCEEDED:
        card, sentence = (
            JobCard(job, timezone.now()),
            f"The report is {job.get_state_display()}, so it has no manifest.",
        )
        title = "No manifest" if job.is_finished else "No manifest yet"
        return screen(request, "no_file.html", status=409, title=title, card=card, sentence=sentence)
    named = content_disposition_header(as_attachment=True, filename=f"{job.download_name}.manifest.json") or ""
    headers = {"Content-Disposition": named, **PRIVATE}
    return HttpResponse(manifest_bytes(job), content_type="application/json", headers=headers)
