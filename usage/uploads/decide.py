"""Decisions about an upload: apply it, with or without its rows in error, check it again, discard, stop or undo it."""

from collections.abc import Set

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from billing.models import Administrator
from usage.models import Step, Upload, UploadStatus, UploadStep
from usage.undo import undo_upload
from usage.uploads.enqueue import enqueue_step
from usage.uploads.receive import refuse_unless_theirs

# Where an upload waits for a person.
DECIDABLE = frozenset({UploadStatus.READY, UploadStatus.NOT_APPLIED})
_CHECKED_AGAIN = DECIDABLE | {UploadStatus.BROKEN_OFF, UploadStatus.REFUSED, UploadStatus.UNDONE}


def confirm(upload: Upload, administrator: Administrator, *, skips_errors: bool = False) -> UploadStep:
    """Enqueue applying the upload; `skips_errors` leaves out its rows in error.

    Raises PermissionDenied; ValidationError, with a sentence, if the upload cannot be applied.
    """
    with transaction.atomic():
        upload = _held(upload, administrator, among=DECIDABLE)
        if upload.rows_in_error and not skips_errors:
            raise ValidationError("Rows are in error: skip them, or fix them and upload the file again.")
        if not (upload.rows_new or upload.rows_changed):
            raise ValidationError("There is nothing to apply.")
        return enqueue_step(upload, Step.APPLY, administrator, skips_errors=skips_errors)


def check_again(upload: Upload, administrator: Administrator) -> UploadStep:
    """Enqueue a check against the current data. Raises what `confirm` does."""
    with transaction.atomic():
        return enqueue_step(_held(upload, administrator, among=_CHECKED_AGAIN), Step.CHECK, administrator)


def discard(upload: Upload, administrator: Administrator) -> None:
    """End an upload that is not applied, stopping work in progress. Raises what `confirm` does."""
    with transaction.atomic():
        upload = _held(upload, administrator, among=_CHECKED_AGAIN | {UploadStatus.WAITING, UploadStatus.CHECKING})
        if upload.latest_step is not None:
            upload.latest_step.cancel()
        Upload.objects.filter(pk=upload.pk).update(
            discarded_at=Now(), discarded_by=administrator, staging_table="", checked_versions=""
        )


def stop(upload: Upload, administrator: Administrator) -> None:
    """Stop applying: nothing is written, and the upload can be decided on again. Raises what `confirm` does."""
    with transaction.atomic():
        upload = _held(upload, administrator, among={UploadStatus.CONFIRMED, UploadStatus.APPLYING})
        if upload.latest_step is not None:
            upload.latest_step.cancel()


def undo(upload: Upload, administrator: Administrator) -> UploadStep:
    """Enqueue undoing the upload. Raises what `confirm` does, with every blocker that is found now.

    The worker looks for blockers again; those that it finds are the failure of its step.
    """
    with transaction.atomic():
        upload = _held(upload, administrator, among={UploadStatus.APPLIED}, needs_file=False)
        blockers = undo_upload.plan_at_once(upload).blockers
        if blockers:
            raise ValidationError(blockers)
        return enqueue_step(upload, Step.UNDO, administrator)


def _held(upload: Upload, administrator: Administrator, *, among: Set[UploadStatus], needs_file: bool = True) -> Upload:
    """Return the upload, locked, as its row is now."""
    refuse_unless_theirs(administrator, upload)
    # Two statements: one that waits for the row still shows the step as it was before.
    Upload.objects.select_for_update().get(pk=upload.pk)
    held = Upload.objects.select_related("latest_step", "account").get(pk=upload.pk)
    if held.status not in among:
        raise ValidationError(f"This cannot be done: the upload is {held.status.label}.")
    if needs_file and not held.file:
        raise ValidationError("The file has been deleted: upload it again.")
    return held
