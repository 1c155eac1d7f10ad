"""An upload as its page shows it: its status in sentences, what would change or has changed, and the decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings

from billing.models import Administrator
from jobs.states import State
from ui.formatting import count_text, duration_text, number_text, size_text
from usage.admin.uploads.progress import UploadProgress, upload_progress
from usage.models import Step, Upload, UploadStatus, UploadStep
from usage.staging.preview import CHANGES_SHOWN, ERRORS_SHOWN
from usage.uploads.decide import DECIDABLE

_SHARE = 1000
_LEAST_SHARE = 6
_TONES = {
    UploadStatus.APPLIED: "good",
    UploadStatus.REFUSED: "bad",
    UploadStatus.NOT_APPLIED: "bad",
    UploadStatus.BROKEN_OFF: "bad",
}


class Decision(NamedTuple):
    """A button: the decision it posts, its label, and its style."""

    value: str
    label: str
    style: str = ""


class Count(NamedTuple):
    """A number of rows, and their place in the bar of all rows, in thousandths."""

    name: str
    label: str
    number: int
    start: int
    share: int


@dataclass(frozen=True)
class UploadCard:
    """An upload with its latest step, as of `now`; `may_decide` is about the viewer."""

    upload: Upload
    now: datetime
    may_decide: bool
    viewer: Administrator

    @cached_property
    def status(self) -> UploadStatus:
        return self.upload.status

    @property
    def stage(self) -> str:
        """Return a value that changes whenever more of the page than its progress does."""
        step, before = self.upload.latest_step, self.progress and self.progress.waits_for
        return f"{self.status}-{step.pk if step else ''}-{before.pk if before else ''}"

    @property
    def headline(self) -> str:
        if self.status == UploadStatus.READY and not self.may_be_applied:
            return "Every row is in error" if self._all_in_error else "Nothing to apply"
        return self.status.label[:1].upper() + self.status.label[1:]

    @property
    def tone(self) -> str:
        if self.status == UploadStatus.READY and (self.upload.rows_in_error or self.upload.notices):
            return "bad" if self._all_in_error else "warn"
        return _TONES.get(self.status, "plain")

    @cached_property
    def progress(self) -> UploadProgress | None:
        """Return the progress while a step is queued or running."""
        return upload_progress(self.upload, self.now, self.viewer)

    @property
    def explanation(self) -> str:
        """Return what the headline means for the uploader, in a few sentences."""
        return " ".join(self._sentences())

    def _sentences(self) -> list[str]:
        step = self.upload.latest_step
        failure = step.failure if step and step.state == State.FAILED else ""
        match self.status:
            case UploadStatus.READY:
                return self._ready()
            case UploadStatus.REFUSED:
                kept = f"This one is kept for {count_text(self.retention_days, 'day', 'days')}."
                return [self.upload.refusal, f"Nothing was written. Fix the file and upload it again. {kept}"]
            case UploadStatus.BROKEN_OFF:
                return [failure]
            case UploadStatus.NOT_APPLIED:
                return [failure, "The current state of its rows is below."]
            case UploadStatus.APPLIED if failure:
                return [f"It was not undone: {failure}"]
            case UploadStatus.UNDONE:
                return ["Its new rows were removed, and its changed rows restored."]
            case UploadStatus.DISCARDED:
                return ["Nothing was written."]
        return []

    def _ready(self) -> list[str]:
        upload = self.upload
        if self._all_in_error:
            return ["There is nothing to apply. Fix the rows and upload them again."]
        if not upload.rows:
            return ["The file has a header and no rows."]
        if not self.may_be_applied and not upload.rows_in_error:
            return ["Every row of the file is already in the data, unchanged."]
        errors = upload.rows_in_error or 0
        verb = "is" if errors == 1 else "are"
        found = [f"{count_text(errors)} of {number_text(upload.rows)} {verb} in error."] if errors else []
        if not self.may_be_applied:
            return [*found, "The others are already in the data, unchanged."]
        return [*found, "Nothing has been written yet."]

    @property
    def _all_in_error(self) -> bool:
        return bool(self.upload.rows) and self.upload.rows == self.upload.rows_in_error

    @property
    def may_be_applied(self) -> bool:
        """Return whether applying would write anything."""
        return bool(self.upload.rows_new or self.upload.rows_changed)

    @property
    def is_expired(self) -> bool:
        """Return whether the file has been deleted."""
        return not self.upload.file

    @property
    def retention_days(self) -> int:
        upload = self.upload
        return int(settings.UPLOAD_UNREADABLE_RETENTION_DAYS if upload.refusal else settings.UPLOAD_RETENTION_DAYS)

    @property
    def decisions(self) -> list[Decision]:
        """Return the buttons, the most likely first."""
        if not self.may_decide or self.is_expired:
            return []
        again, discard = Decision("check_again", "Check again"), Decision("discard", "Discard")
        match self.status:
            case UploadStatus.READY | UploadStatus.NOT_APPLIED:
                return [*self._apply(), again, discard]
            case UploadStatus.WAITING | UploadStatus.CHECKING:
                return [discard]
            case UploadStatus.BROKEN_OFF:
                return [again._replace(style="primary"), discard]
            case UploadStatus.REFUSED:
                return [again, discard]
            case UploadStatus.CONFIRMED | UploadStatus.APPLYING:
                return [Decision("stop", "Stop")]
            case UploadStatus.UNDONE:
                return [again]
        return []

    def _apply(self) -> list[Decision]:
        errors = self.upload.rows_in_error
        if not self.may_be_applied:
            return []
        notices = self.upload.notices
        with_notices = f", with {count_text(notices, 'notice', 'notices')}" if notices else ""
        if not errors:
            return [Decision("apply", f"Apply{with_notices}", "primary")]
        rows = count_text((self.upload.rows_new or 0) + (self.upload.rows_changed or 0))
        skipped = f"{number_text(errors)} with {'an error' if errors == 1 else 'errors'}"
        return [Decision("apply_without_errors", f"Apply {rows}, skip {skipped}{with_notices}", "primary")]

    @property
    def may_be_undone(self) -> bool:
        """Return whether there is something to undo, as far as is known without reading its rows."""
        return self.may_decide and self.status == UploadStatus.APPLIED and not self.is_expired

    @property
    def is_waiting_for_a_person(self) -> bool:
        """Return whether the upload waits for a decision."""
        return self.status in DECIDABLE

    @property
    def counts(self) -> list[Count]:
        """Return the numbers of rows; none before they are known."""
        upload = self.upload
        if upload.rows is None or self.status == UploadStatus.REFUSED:
            return []
        in_error = "In error, left out" if upload.is_applied and upload.rows_in_error else "In error"
        labels = {"new": "New", "changed": "Changed", "unchanged": "Unchanged", "error": in_error}
        numbers = [
            upload.rows_new or 0,
            upload.rows_changed or 0,
            upload.rows_unchanged or 0,
            upload.rows_in_error or 0,
        ]
        counts, start = [], 0
        for (name, label), number, share in zip(labels.items(), numbers, _shares(numbers), strict=True):
            counts.append(Count(name, label, number, start, share))
            start += share
        return counts

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Return the first rows that change or have changed, cell by cell."""
        return list(self.upload.preview.get("changes", ()))

    @property
    def has_more_changes(self) -> bool:
        """Return whether more rows change than are shown."""
        return len(self.changes) >= CHANGES_SHOWN and (self.upload.rows_changed or 0) > len(self.changes)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return list(self.upload.preview.get("errors", ()))

    @property
    def has_more_errors(self) -> bool:
        """Return whether there may be more errors than are shown."""
        return len(self.errors) >= ERRORS_SHOWN

    @property
    def error_groups(self) -> list[dict[str, Any]]:
        """Return the errors counted by reason; none if a few of them would say no more than the errors do."""
        return self._groups("error_groups", self.errors)

    @property
    def notices(self) -> list[dict[str, Any]]:
        return list(self.upload.preview.get("notices", ()))

    @property
    def notice_groups(self) -> list[dict[str, Any]]:
        """Return the notices counted by reason, as `error_groups` does."""
        return self._groups("notice_groups", self.notices)

    def _groups(self, name: str, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        groups = list(self.upload.preview.get(name, ()))
        return groups if sum(group["count"] for group in groups) > len(groups) or len(findings) > len(groups) else []

    @property
    def has_more_notices(self) -> bool:
        """Return whether there are more notices than are shown."""
        return (self.upload.notices or 0) > len(self.notices)

    @property
    def effects(self) -> list[dict[str, str]]:
        """Return what applying changes for the customer, before and after."""
        return list(self.upload.preview.get("effects", ()))

    @property
    def new_users(self) -> str:
        """Return the number of users that the login sessions create; empty if none."""
        number = self.upload.preview.get("new_users", 0)
        return count_text(number, "user", "users") if number else ""

    @property
    def size(self) -> str:
        return size_text(self.upload.file_bytes) if self.upload.file_bytes is not None else ""

    @cached_property
    def _steps(self) -> list[UploadStep]:
        return list(self.upload.steps.select_related("requested_by"))

    @property
    def applied_by(self) -> UploadStep | None:
        """Return the step that wrote the rows."""
        return _latest(self._steps, Step.APPLY)

    @property
    def undone_by(self) -> UploadStep | None:
        """Return the step that undid the upload."""
        return _latest(self._steps, Step.UNDO) if self.upload.undone_at else None

    @property
    def check_took(self) -> str:
        return _took(_latest(self._steps, Step.CHECK))

    @property
    def applying_took(self) -> str:
        return _took(self.applied_by)


def work_on(upload: Upload) -> timedelta | None:
    """Return how long workers took to check the upload, and to apply it if they have; None before the first check."""
    steps = sorted(upload.steps.all(), key=lambda step: step.requested_at, reverse=True)
    latest = (_latest(steps, step) for step in (Step.CHECK, Step.APPLY))
    took = [step.finished_at - step.started_at for step in latest if step and step.finished_at and step.started_at]
    return sum(took, timedelta()) if took else None


def _latest(steps: list[UploadStep], kind: Step) -> UploadStep | None:
    """Return the last step of the kind that succeeded; `steps` come latest first."""
    return next((step for step in steps if step.step == kind and step.state == State.SUCCEEDED), None)


def _took(step: UploadStep | None) -> str:
    if step is None or step.started_at is None or step.finished_at is None:
        return ""
    return duration_text(step.finished_at - step.started_at)


def _shares(numbers: list[int]) -> list[int]:
    """Return each number in thousandths of all. Small numbers stay visible, at the expense of the greatest."""
    total = sum(numbers)
    if not total:
        return [0] * len(numbers)
    shares = [max(_LEAST_SHARE, number * _SHARE // total) if number else 0 for number in numbers]
    shares[shares.index(max(shares))] += _SHARE - sum(shares)
    return shares
