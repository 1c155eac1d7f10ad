"""A report job as a screen shows it: how far it is, in a sentence, and what one can do with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string

from jobs.states import State
from reports import formats
from reports.models import ReportJob
from ui.formatting import ago_text, count_text, days_text, moment_text, number_text, size_text


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job and the moment at which it is looked at."""

    job: ReportJob
    now: datetime

    @property
    def title(self) -> str:
        """The report type, as its title; its slug when it is no longer known."""
        return self.job.get_report_type_display()

    @property
    def days(self) -> str:
        """The range, without the year when it is this one."""
        return days_text(self.job.range, year=self.job.date_from.year != self.now.year)

    @property
    def format(self) -> str:
        """The format's title, unless it is CSV, as most are; its slug when it is no longer known."""
        return "" if self.job.format == formats.DEFAULT else formats.title_of(self.job.format)

    @property
    def is_waiting(self) -> bool:
        """Whether no worker has it."""
        return self.job.awaits_worker(self.now)

    @property
    def progress(self) -> str:
        """How far an unfinished job is."""
        job = self.job
        if self.is_waiting:
            return "Waiting for a worker…"
        if job.state == State.QUEUED:
            return "Starting…"
        if job.rows_expected is None:
            return "Working out the rows…"
        if job.rows_done >= job.rows_expected:
            return f"Storing {count_text(job.rows_expected)}…"
        return f"{number_text(job.rows_done)} of {count_text(job.rows_expected)}"

    @property
    def outcome(self) -> str:
        """What became of a finished job, and when."""
        job = self.job
        moment = moment_text(job.finished_at, self.now.date()) if job.finished_at else ""
        if job.is_expired:
            return "expired"
        return f"ready {moment}" if job.state == State.SUCCEEDED else f"{job.get_state_display()} {moment}"

    @property
    def size(self) -> str:
        """Rows and bytes of the file, and its format."""
        if self.job.file_rows is None or self.job.file_bytes is None:
            return ""
        size = f"{count_text(self.job.file_rows)} · {size_text(self.job.file_bytes)}"
        return f"{size} · {self.format}" if self.format else size

    @property
    def made(self) -> str:
        """How long ago the report was made."""
        return f"made {ago_text(self.job.finished_at, self.now)}" if self.job.finished_at else ""

    @property
    def has_file(self) -> bool:
        """Whether there is something to download."""
        return self.job.state == State.SUCCEEDED and not self.job.is_expired

    @property
    def again(self) -> str:
        """The word for asking once more, where that makes sense."""
        if self.job.state == State.FAILED:
            return "Try again"
        return "Make again" if self.job.is_expired or self.job.state == State.CANCELLED else ""

    def as_json(self, request: HttpRequest) -> dict[str, Any]:
        """What the page in the browser needs to show the job, its markup included."""
        template = "_recent_report.html" if self.job.is_finished else "_report_in_progress.html"
        return {
            "id": str(self.job.pk),
            "state": self.job.state,
            "finished": self.job.is_finished,
            "title": f"{self.title}, {self.days}",
            "progress": self.progress,
            "percent": self.job.percent,
            "failure": self.job.failure,
            "html": render_to_string(f"account_settings/{template}", {"card": self}, request=request),
        }
