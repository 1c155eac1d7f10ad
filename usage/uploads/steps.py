"""The steps of an upload, as a worker takes them: check, apply, undo."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from billing.models import Administrator, DataVersion
from jobs import files
from jobs.running import Attempt, JobFailedError
from usage.files.errors import FileRefusedError
from usage.models import Step, Upload, UploadKind, UploadStep
from usage.resources.batches import UploadContext
from usage.staging.error_files import write_errors_of_refusal
from usage.staging.preview import preview, preview_without_rows
from usage.staging.stage import Staged, UploadCounts, UploadRefusedError, reopened, stage
from usage.undo import undo_upload
from usage.uploads.receive import refuse_unless_permitted


def take(attempt: Attempt[UploadStep]) -> None:
    """Do the step. Whether who asked for it may still do so is asked again.

    Raises what `jobs.running.run` knows how to end.
    """
    step = attempt.job
    upload = step.upload
    try:
        requested_by = Administrator.objects.get(pk=step.requested_by_id)
        refuse_unless_permitted(requested_by, UploadKind(upload.kind), upload.account)
    except PermissionDenied as error:
        raise JobFailedError(f"{requested_by} may not upload this any more. Nothing was done.") from error
    _WORK[Step(step.step)](attempt)


def check(attempt: Attempt[UploadStep]) -> None:
    """Stage the file and find out what applying it would do; its tables stay for that."""
    if _is_answered_by_its_hash(attempt):
        return
    try:
        with _staged_anew(attempt) as staged:
            versions = staged.versions()  # before: what changes meanwhile is seen at applying
            found = _found(attempt.job, staged, staged.check(), versions)
            _succeed(attempt, **found)
            staged.keep()
    except FileRefusedError as error:
        _succeed(attempt, **_refused(attempt.job, error))


def apply(attempt: Attempt[UploadStep]) -> None:
    """Write the rows, in one transaction with the step's success.

    So a worker that dies at any moment, or that was taken for dead, has applied all of it or nothing, and never twice.
    What has changed since the check is looked at again; rows that are in error now are shown before anything is done.
    """
    try:
        with _staged(attempt) as staged:
            _apply(attempt, staged)
    except FileRefusedError as error:
        _fail(attempt, f"{error} Nothing was applied.", **_refused(attempt.job, error))
    except UploadRefusedError as error:
        raise JobFailedError(str(error)) from error


def undo(attempt: Attempt[UploadStep]) -> None:
    """Take what was applied back, in one transaction with the step's success."""
    try:
        with transaction.atomic():
            undo_upload.undo(attempt.job.upload, reporter=attempt)
            attempt.succeed()
    except undo_upload.UndoRefusedError as error:
        raise JobFailedError(str(error)) from error


_WORK: dict[Step, Callable[[Attempt[UploadStep]], None]] = {Step.CHECK: check, Step.APPLY: apply, Step.UNDO: undo}


def _apply(attempt: Attempt[UploadStep], staged: Staged) -> None:
    """Apply; or, where rows are in error that are not to be left out, fail with what was found.

    What the person is then shown is saved with the failure or not at all: until then, what they confirmed holds.
    """
    step, upload = attempt.job, attempt.job.upload
    with transaction.atomic():
        staged.lock()
        versions = staged.versions()
        is_current = staged.is_checked and versions == upload.checked_versions
        outcome = staged.apply(
            skip_errors=step.skips_errors,
            known_errors=upload.rows_in_error,
            checked=UploadCounts.of(upload) if is_current else None,
            is_locked=True,
        )
        found = {} if is_current else _found(step, staged, outcome.counts, versions)
        if outcome.is_applied:
            applied = {"staging_table": "", "checked_versions": "", "applied_versions": staged.versions()}
            _succeed(attempt, **{**found, **applied}, applied_at=Now(), undone_at=None)
        else:
            _fail(attempt, _not_applied(outcome.counts), **found)
    if not outcome.is_applied:
        staged.keep()


def _not_applied(counts: UploadCounts) -> str:
    if counts.rows == counts.errors:
        return "Every row is in error; nothing was applied."
    rows = "1 row is" if counts.errors == 1 else f"{counts.errors:,} rows are"
    return f"{rows} in error; nothing was applied."


@contextmanager
def _staged(attempt: Attempt[UploadStep]) -> Iterator[Staged]:
    """What the check left behind, or the file once more where that is gone."""
    upload = attempt.job.upload
    if upload.staging_table and upload.rows is not None:
        context = UploadContext.of(upload, now=timezone.now())
        with reopened(upload.staging_table, context, rows=upload.rows, reporter=attempt) as staged:
            if staged is not None:
                yield staged
                return
    with _staged_anew(attempt) as staged:
        yield staged


@contextmanager
def _staged_anew(attempt: Attempt[UploadStep]) -> Iterator[Staged]:
    upload = attempt.job.upload
    context = UploadContext.of(upload, now=timezone.now())
    with upload.file.open("rb") as file, stage(file.file, context, reporter=attempt) as staged:
        yield staged


def _is_answered_by_its_hash(attempt: Attempt[UploadStep]) -> bool:
    """The very same file was applied without an error, and nothing has changed since: nothing is to be done."""
    upload = attempt.job.upload
    of = None if upload.account_id is None else [upload.account_id]
    versions = DataVersion.objects.of(of if UploadKind(upload.kind).belongs_to_account else [])
    same = (
        Upload.objects.same_file(upload)
        .filter(creates_users=upload.creates_users, rows_in_error=0, applied_versions=versions)
        .first()
    )
    if same is None or same.rows is None:
        return False
    _succeed(
        attempt,
        **UploadCounts(rows=same.rows, unchanged=same.rows).fields,
        refusal="",
        preview=preview_without_rows(),
        errors_file="",
        rows_in_error_file="",
        checked_at=Now(),
        checked_versions="",
        staging_table="",
    )
    return True


def _found(step: UploadStep, staged: Staged, counts: UploadCounts, versions: str) -> dict[str, Any]:
    """What a check has found, as fields of the upload; the files of errors are stored."""
    errors_file = rows_file = ""
    if counts.errors:
        errors_file, rows_file = step.upload.left_behind(step)
        _store(errors_file, staged.write_errors)
        _store(rows_file, staged.write_rows_in_error)
    return {
        **counts.fields,
        "refusal": "",
        "preview": preview(staged, counts),
        "errors_file": errors_file,
        "rows_in_error_file": rows_file,
        "checked_at": Now(),
        "checked_versions": versions,
        "staging_table": staged.batch.table,
    }


def _refused(step: UploadStep, error: FileRefusedError) -> dict[str, Any]:
    """The verdict on a file that cannot be used as a whole, as fields of the upload."""
    errors_file, _rows_file = step.upload.left_behind(step)
    _store(errors_file, partial(write_errors_of_refusal, error.errors))
    return {
        **UploadCounts(rows=error.rows, errors=error.rows).fields,
        "refusal": str(error),
        "preview": preview_without_rows(error.errors),
        "errors_file": errors_file,
        "rows_in_error_file": "",
        "checked_at": Now(),
        "checked_versions": "",
        "staging_table": "",
    }


def _store(name: str, write: Callable[[BinaryIO], None]) -> None:
    with files.storing(name) as target:
        write(target)


def _succeed(attempt: Attempt[UploadStep], **fields: Any) -> None:
    """End the step with these fields of the upload, which comes first, as in decisions: nobody waits in a circle."""
    with transaction.atomic():
        _save(attempt.job.upload, **fields)
        attempt.succeed()


def _fail(attempt: Attempt[UploadStep], failure: str, **fields: Any) -> None:
    """The same for a failure; of the upload there may be nothing to save."""
    with transaction.atomic():
        _save(attempt.job.upload, **fields)
        attempt.fail(failure)


def _save(upload: Upload, **fields: Any) -> None:
    if fields:
        Upload.objects.filter(pk=upload.pk).update(**fields)
