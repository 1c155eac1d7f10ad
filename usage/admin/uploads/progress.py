"""The progress of an upload, as a sentence and as a bar."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from billing.models import Administrator
from jobs.states import UNFINISHED, State
from ui.formatting import count_text, number_text, size_text
from ui.progress import ProgressBar
from usage.models import Step, Upload, UploadStep
from usage.staging.phases import Phase

_LOOKED_AT = 20
_ROWS = {
    Phase.CHECKING: ("Checking", "Comparing", "with the data"),
    Phase.APPLYING: ("Writing", "Finishing", ""),
    Phase.UNDOING: ("Undoing", "Finishing", ""),
}
_STARTS = {Step.CHECK: "Opening the file…", Step.APPLY: "Preparing to write…", Step.UNDO: "Preparing to undo…"}


class UploadProgress(NamedTuple):
    """The progress in bytes or rows; `waits_for` is a visible upload that goes first."""

    bar: ProgressBar
    waits_for: Upload | None = None


def upload_progress(upload: Upload, now: datetime, viewer: Administrator) -> UploadProgress | None:
    """Return the progress of its latest step, naming only uploads that the viewer sees; None once it has finished."""
    step = upload.latest_step
    if step is None or step.is_finished:
        return None
    before = _before(upload, step) if step.state == State.QUEUED else None
    if before is not None and not Upload.objects.visible_to(viewer).filter(pk=before.pk).exists():
        return UploadProgress(ProgressBar("Waiting for another upload into the same account…", is_waiting=True))
    if before is not None:
        text = f"Waiting for {before}, into the same account, which is {before.status.label}…"
        return UploadProgress(ProgressBar(text, is_waiting=True), waits_for=before)
    if step.awaits_worker(now):
        return UploadProgress(ProgressBar("Waiting for a worker…", is_waiting=True))
    return UploadProgress(ProgressBar("Starting…") if step.state == State.QUEUED else _running(step))


def _before(upload: Upload, step: UploadStep) -> Upload | None:
    """Return the upload of the account that is in progress or goes first: an account's steps run one at a time."""
    if upload.account_id is None:
        return None
    others = UploadStep.objects.filter(account=upload.account_id, state__in=UNFINISHED).exclude(upload=upload.pk)
    earlier = others.filter(Q(state=State.RUNNING) | Q(requested_at__lt=step.requested_at))
    waiting = list(earlier.select_related("upload__latest_step").order_by("requested_at")[:_LOOKED_AT])
    running = next((one for one in waiting if one.state == State.RUNNING), None)
    first = running or next(iter(waiting), None)
    return first.upload if first else None


def _running(step: UploadStep) -> ProgressBar:
    done, expected = step.rows_done, step.rows_expected
    if not step.phase or (step.phase == Phase.READING and not expected):
        return ProgressBar(_STARTS[Step(step.step)])
    if step.phase == Phase.READING and expected:
        text = f"Reading the file: {size_text(min(done, expected))} of {size_text(expected)}"
        return ProgressBar(text, done, expected)
    at, after, what = _ROWS[Phase(step.phase)]
    if expected is None:
        return ProgressBar(f"{at}…")
    if done >= expected:
        return ProgressBar(" ".join(filter(None, [after, count_text(expected), what])) + "…")
    return ProgressBar(f"{at}: {number_text(done)} of {count_text(expected)}", done, expected)
