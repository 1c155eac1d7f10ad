"""What people decide about an upload: apply it, with or without its rows in error, discard it, or undo it."""

from collections.abc import Set
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from billing.models import Administrator
from jobs.publishing import publish
from usage.models import Step, Upload, UploadKind, UploadStatus, UploadStep
from usage.undo import undo_upload
from usage.uploads.receive import refuse_unless_permitted

# Where an upload waits for a person.
DECIDABLE = frozenset({UploadStatus.READY, UploadStatus.NOT_APPLIED})
_CHECKED_AGAIN = DECIDABLE | {UploadStatus.BROKEN_OFF, UploadStatus.REFUSED, UploadStatus.UNDONE}


def confirm(upload: Upload, administrator: Administrator, *, skips_errors: bool = False) -> UploadStep:
    """Have the upload applied; `skips_errors`: without its rows in error.

    Raises PermissionDenied; ValidationError, a sentence, where there is nothing to be applied.
    """
    with transaction.atomic():
        upload = _held(upload, administrator, among=DECIDABLE)
        if upload.rows_in_error and not skips_errors:
            raise ValidationError("Rows are in error: apply the upload without them, or mend them.")
        if not (upload.rows_new or upload.rows_changed):
            raise ValidationError("There is nothing to apply.")
        return begin(upload, Step.APPLY, administrator, skips_errors=skips_errors)


def check_again(upload: Upload, administrator: Administrator) -> UploadStep:
    """Have the file checked against the data as they are now. Raises as `confirm` does."""
    with transaction.atomic():
        return begin(_held(upload, administrator, among=_CHECKED_AGAIN), Step.CHECK, administrator)


def discard(upload: Upload, administrator: Administrator) -> None:
    """End an upload that is not applied; what is under way stops. Raises as `confirm` does."""
    with transaction.atomic():
        upload = _held(upload, administrator, among=_CHECKED_AGAIN | {UploadStatus.WAITING, UploadStatus.CHECKING})
        if upload.latest_step is not None:
            upload.latest_step.cancel()
        Upload.objects.filter(pk=upload.pk).update(
            discarded_at=Now(), discarded_by=administrator, staging_table="", checked_versions=""
        )


def stop(upload: Upload, administrator: Administrator) -> None:
    """Stop applying; nothing of it stays, and the upload may be decided on again. Raises as `confirm` does."""
    with transaction.atomic():
        upload = _held(upload, administrator, among={UploadStatus.CONFIRMED, UploadStatus.APPLYING})
        if upload.latest_step is not None:
            upload.latest_step.cancel()


def undo(upload: Upload, administrator: Administrator) -> UploadStep:
    """Have the upload taken back. Raises as `confirm` does: whatever speaks against it is looked for at once.

    The worker looks again, and what it finds by then is the step's failure.
    """
    with transaction.atomic():
        upload = _held(upload, administrator, among={UploadStatus.APPLIED}, needs_file=False)
        blockers = undo_upload.plan_at_once(upload).blockers
        if blockers:
            raise ValidationError(blockers)
        return begin(upload, Step.UNDO, administrator)


def begin(upload: Upload, step: Step, administrator: Administrator, *, skips_errors: bool = False) -> UploadStep:
    """Queue a step; inside a transaction, after which the workers are told of it."""
    queued = UploadStep.objects.create(
        upload=upload, account=upload.account, step=step, skips_errors=skips_errors, requested_by=administrator
    )
    Upload.objects.filter(pk=upload.pk).update(latest_step=queued)
    transaction.on_commit(partial(publish, queued), robust=True)
    return queued


def _held(upload: Upload, administrator: Administrator, *, among: Set[UploadStatus], needs_file: bool = True) -> Upload:
    """The upload as its row is now, locked."""
    refuse_unless_permitted(administrator, UploadKind(upload.kind), upload.account)
    # Two statements: one that waits for the row still shows the step as it was before.
    Upload.objects.select_for_update().get(pk=upload.pk)
    held = Upload.objects.select_related("latest_step", "account").get(pk=upload.pk)
    if held.status not in among:
        raise ValidationError(f"This cannot be done: the upload is {held.status.label}.")
    if needs_file and not held.file:
        raise ValidationError("The file is not kept any more: upload it again.")
    return held
