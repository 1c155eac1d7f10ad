"""The steps of an upload, as a worker runs them: check, apply, undo."""

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
from ui.formatting import count_text, number_text
from usage.files.errors import FileRefusedError
from usage.models import Step, Upload, UploadKind, UploadStep
from usage.resources.batches import UploadContext
from usage.staging.error_files import write_errors_of_refusal
from usage.staging.preview import preview, preview_without_rows
from usage.staging.stage import Staged, UploadCounts, UploadRefusedError, reopened, stage
from usage.undo import undo_upload
from usage.uploads.receive import refuse_unless_theirs


def run_step(attempt: Attempt[UploadStep]) -> None:
    """Run the step, after re-checking that the person who requested it still may.

    Raises what `jobs.running.run` handles.
    """
    step = attempt.job
    upload = step.upload
    try:
        requested_by = Administrator.objects.get(pk=step.requested_by_id)
        refuse_unless_theirs(requested_by, upload)
    except PermissionDenied as error:
        raise JobFailedError(f"{requested_by} is no longer allowed to upload this. Nothing was done.") from error
    _WORK[Step(step.step)](attempt)


def check(attempt: Attempt[UploadStep]) -> None:
    """Stage the file and record what applying it would do; the staged tables are kept for that."""
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

    A worker that dies at any moment, or whose claim is lost, has therefore applied all rows or none, and never twice.
    Rows are checked again if the data have changed since the check; rows newly in error are shown before anything is
    written.
    """
    try:
        with _staged(attempt) as staged:
            _apply(attempt, staged)
    except FileRefusedError as error:
        _fail(attempt, f"{error} Nothing was applied.", **_refused(attempt.job, error))
    except UploadRefusedError as error:
        raise JobFailedError(str(error)) from error


def undo(attempt: Attempt[UploadStep]) -> None:
    """Undo the upload, in one transaction with the step's success."""
    try:
        with transaction.atomic():
            undo_upload.undo(attempt.job.upload, reporter=attempt)
            attempt.succeed()
    except undo_upload.UndoRefusedError as error:
        raise JobFailedError(str(error)) from error


# The fields of an upload that name the files of its last check.
_NO_FILES = {"errors_file": "", "rows_in_error_file": "", "notices_file": ""}
_WORK: dict[Step, Callable[[Attempt[UploadStep]], None]] = {Step.CHECK: check, Step.APPLY: apply, Step.UNDO: undo}


def _apply(attempt: Attempt[UploadStep], staged: Staged) -> None:
    """Apply the rows; or fail with what was found, if rows are in error that must not be skipped.

    The findings are saved with the failure or not at all: until then, what the person confirmed holds.
    """
    step, upload = attempt.job, attempt.job.upload
    with transaction.atomic():
        staged.lock()
        versions = staged.versions()
        is_current = staged.is_checked and versions == upload.checked_versions
        outcome = staged.apply(
            skip_errors=step.skips_errors,
            known=UploadCounts.of(upload),
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
    rows = "1 row is" if counts.errors == 1 else f"{number_text(counts.errors)} rows are"
    found = (
        f"{rows} in error"
        if counts.errors
        else f"The check now finds {count_text(counts.notices, 'notice', 'notices')}"
    )
    return f"{found}; nothing was applied."


@contextmanager
def _staged(attempt: Attempt[UploadStep]) -> Iterator[Staged]:
    """Yield the tables that the check staged, or stage the file again if they are gone."""
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
    """End the check if the same file was applied without errors and no data changed since; return whether so."""
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
        **_NO_FILES,
        refusal="",
        preview=preview_without_rows(),
        checked_at=Now(),
        checked_versions="",
        staging_table="",
    )
    return True


def _found(step: UploadStep, staged: Staged, counts: UploadCounts, versions: str) -> dict[str, Any]:
    """Return the findings of a check as fields of the upload, and store the files of errors."""
    writers: dict[str, Callable[[BinaryIO], None]] = {}
    if counts.errors:
        writers |= {"errors_file": staged.write_errors, "rows_in_error_file": staged.write_rows_in_error}
    if counts.notices:
        writers["notices_file"] = staged.write_notices
    names = step.upload.left_behind(step)
    for field, write in writers.items():
        _store(names[field], write)
    return {
        **counts.fields,
        **_NO_FILES,
        **{field: names[field] for field in writers},
        "refusal": "",
        "preview": preview(staged, counts),
        "checked_at": Now(),
        "checked_versions": versions,
        "staging_table": staged.batch.table,
    }


def _refused(step: UploadStep, error: FileRefusedError) -> dict[str, Any]:
    """Return the refusal of a whole file as fields of the upload."""
    errors_file = step.upload.left_behind(step)["errors_file"]
    _store(errors_file, partial(write_errors_of_refusal, error.errors))
    return {
        **UploadCounts(rows=error.rows, errors=error.rows).fields,
        **_NO_FILES,
        "refusal": str(error),
        "preview": preview_without_rows(error.errors),
        "errors_file": errors_file,
        "checked_at": Now(),
        "checked_versions": "",
        "staging_table": "",
    }


def _store(name: str, write: Callable[[BinaryIO], None]) -> None:
    with files.storing(name) as target:
        write(target)


def _succeed(attempt: Attempt[UploadStep], **fields: Any) -> None:
    """End the step, and save these fields of the upload."""
    with transaction.atomic():
        # The upload is locked before its step, as in decisions; the other order could deadlock.
        _save(attempt.job.upload, **fields)
        attempt.succeed()


def _fail(attempt: Attempt[UploadStep], failure: str, **fields: Any) -> None:
    """Fail the step, and save these fields of the upload, if any."""
    with transaction.atomic():
        _save(attempt.job.upload, **fields)
        attempt.fail(failure)


def _save(upload: Upload, **fields: Any) -> None:
    if fields:
        Upload.objects.filter(pk=upload.pk).update(**fields)
