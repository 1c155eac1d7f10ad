"""Applying a received file: one attempt, from a claimed upload to its counts."""

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from billing.models import Administrator
from jobs import files
from jobs.running import Attempt, JobFailedError
from usage.models import Upload, UploadKind
from usage.receiving import refuse_unless_permitted
from usage.uploads import Counts, Outcome, Staged, UploadRefusedError, stage, write_errors
from usage.verdicts import FileRefusedError


def apply_received(attempt: Attempt[Upload]) -> None:
    """Stage the file and apply it, in one transaction with the upload's success.

    So a worker that dies at any moment, or that was taken for dead, has applied all of it or nothing, and never twice.
    Whether who sent it may still do so is asked again. Raises what `jobs.running.run` knows how to end.
    """
    upload = attempt.job
    kind = UploadKind(upload.kind)
    try:
        refuse_unless_permitted(Administrator.objects.get(pk=upload.requested_by_id), kind, upload.account)
    except PermissionDenied as error:
        raise JobFailedError("Who sent this file may not upload it any more. Nothing was applied.") from error
    for fence in range(1, upload.fence):
        files.remove(upload.errors_file_name(fence))
    try:
        with upload.file.open("rb") as file, stage(kind, file.file, upload.account, now=timezone.now()) as staged:
            _apply(attempt, staged)
    except FileRefusedError as error:
        counts = _fields(Counts(rows=error.rows, errors=error.rows))
        errors_file = _store_errors(upload, partial(write_errors, error.errors))
        raise JobFailedError(f"{error} Nothing was applied.", **counts, errors_file=errors_file) from error
    except UploadRefusedError as error:
        raise JobFailedError(str(error)) from error


def _apply(attempt: Attempt[Upload], staged: Staged) -> None:
    upload = attempt.job
    with transaction.atomic():
        outcome = staged.apply(skip_errors=upload.skip_errors)
        errors_file = _store_errors(upload, staged.write_errors) if outcome.counts.errors else ""
        if outcome.is_applied:
            attempt.succeed(**_fields(outcome.counts), errors_file=errors_file)
    if not outcome.is_applied:
        raise JobFailedError(_reason(outcome), **_fields(outcome.counts), errors_file=errors_file)


def _reason(outcome: Outcome) -> str:
    errors, rows = outcome.counts.errors, outcome.counts.rows
    if errors == rows:
        return "Every row is in error; nothing was applied."
    return f"{errors} {'row is' if errors == 1 else 'rows are'} in error; nothing was applied."


def _fields(counts: Counts) -> dict[str, int]:
    return {
        "rows": counts.rows,
        "rows_new": counts.new,
        "rows_changed": counts.changed,
        "rows_unchanged": counts.unchanged,
        "rows_in_error": counts.errors,
    }


def _store_errors(upload: Upload, write: Callable[[BinaryIO], None]) -> str:
    name = upload.errors_file_name(upload.fence)
    with files.storing(name) as target:
        write(target)
    return name
