"""A report job as screens show it: its progress, its outcome, and what can be done with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string

from jobs.states import State
from reports import formats
from reports.models import ReportJob
from ui.formatting import ago_text, count_text, days_text, moment_text, number_text, size_text
from ui.progress import ProgressBar


@dataclass(frozen=True, slots=True)
class JobCard:
    """A report job as seen at an instant; `may_cancel` is about the viewer, and matters until the job is finished."""

    job: ReportJob
    now: datetime
    may_cancel: bool = False

    @property
    def title(self) -> str:
        """Return the title of the report type, or its slug if the type no longer exists."""
        return self.job.get_report_type_display()

    @property
    def days(self) -> str:
        """Return the range, without the year if it starts in the current one."""
        return days_text(self.job.range, year=self.job.date_from.year != self.now.year)

    @property
    def format(self) -> str:
        """Return the format's title, empty for CSV; its slug if the format no longer exists."""
        return "" if self.job.format == formats.DEFAULT else formats.title_of(self.job.format)

    @property
    def progress(self) -> ProgressBar:
        """Return the progress of an unfinished job, in percent."""
        percent = self.job.percent
        is_waiting = self.job.awaits_worker(self.now)
        text = "Waiting for a worker…" if is_waiting else self._progress_text()
        return ProgressBar(text, percent or 0, None if percent is None else 100, is_waiting)

    def _progress_text(self) -> str:
        job = self.job
        if job.state == State.QUEUED:
            return "Starting…"
        if job.rows_expected is None:
            return "Counting the rows…"
        if job.rows_done >= job.rows_expected:
            return f"Storing {count_text(job.rows_expected)}…"
        return f"{number_text(job.rows_done)} of {count_text(job.rows_expected)}"

    @property
    def outcome(self) -> str:
        """Return how and when a finished job ended."""
        job = self.job
        moment = moment_text(job.finished_at, self.now.date()) if job.finished_at else ""
        if job.is_expired:
            return "expired"
        return f"ready {moment}" if job.state == State.SUCCEEDED else f"{job.get_state_display()} {moment}"

    @property
    def standing(self) -> str:
        """Return the outcome of a finished job, or the progress of an unfinished one."""
        return self.outcome if self.job.is_finished else self.progress.text

    @property
    def size(self) -> str:
        """Return the rows, size and format of the file."""
        if self.job.file_rows is None or self.job.file_bytes is None:
            return ""
        size = f"{count_text(self.job.file_rows)} · {size_text(self.job.file_bytes)}"
        return f"{size} · {self.format}" if self.format else size

    @property
    def created(self) -> str:
        """Return how long ago the report was created."""
        return f"created {ago_text(self.job.finished_at, self.now)}" if self.job.finished_at else ""

    @property
    def has_file(self) -> bool:
        """Return whether there is a file to download."""
        return self.job.state == State.SUCCEEDED and not self.job.is_expired

    @property
    def again(self) -> str:
        """Return the label of the button that orders the report again; empty where there is none."""
        if self.job.state == State.FAILED:
            return "Try again"
        return "Run again" if self.job.is_expired or self.job.state == State.CANCELLED else ""

    def as_json(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a script needs to show the job, including its markup."""
        template = "_recent_report.html" if self.job.is_finished else "_report_in_progress.html"
        return {
            "id": str(self.job.pk),
            "state": self.job.state,
            "finished": self.job.is_finished,
            "title": f"{self.title}, {self.days}",
            "progress": self.progress.as_json(),
            "failure": self.job.failure,
            "html": render_to_string(f"account_settings/{template}", {"card": self}, request=request),
        }
