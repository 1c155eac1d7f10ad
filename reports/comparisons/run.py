"""Running a comparison: one attempt, from the claimed job to its stored file."""

import io
from datetime import date
from functools import partial
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from billing.models import Administrator
from jobs.running import Attempt, JobFailedError
from reports import formats, types
from reports.comparisons.diff import ReportDiff
from reports.engine.report_type import ReportType
from reports.engine.write import BYTES_PER_BLOCK, Tally
from reports.models import Comparison, ReportJob
from reports.orders.downloads import ExpiredError, open_stored, refuse_unless_there
from reports.orders.store import store

# The phases of a comparison.
READING_BEFORE, READING_AFTER, COMPARING, WRITING = "reading before", "reading after", "comparing", "writing"


def run_comparison(attempt: Attempt[Comparison]) -> None:
    """Compare the stored files of two reports row by row, store the differences, and finish the job.

    Re-checks that the requester may still see the reports.
    """
    store(attempt, partial(_write, attempt))


def _write(attempt: Attempt[Comparison], target: BinaryIO) -> dict[str, Any]:
    """Write the file, and return what is known about it and the counts as fields of the job."""
    comparison = attempt.job
    report_type = types.by_slug(comparison.report_type)
    administrator = Administrator.objects.get(pk=comparison.requested_by_id)
    for job in (comparison.before, comparison.after):
        _refuse_unless_comparable(job, report_type, administrator)
    with transaction.atomic(durable=True):
        diff = ReportDiff(connection, report_type, cycle_starts(comparison.after))
        _read(attempt, comparison.before, READING_BEFORE, diff)
        _read(attempt, comparison.after, READING_AFTER, diff)
        attempt.expect(None, phase=COMPARING)
        counts = diff.find()
        attempt.expect(counts.lines, phase=WRITING)
        tally = Tally(target)
        buffer = io.BufferedWriter(tally, BYTES_PER_BLOCK)
        lines = diff.write(cast("BinaryIO", buffer), attempt.report_rows)
        buffer.flush()
    return {
        "rows_added": counts.added,
        "rows_removed": counts.removed,
        "rows_changed": counts.changed,
        "rows_unchanged": counts.unchanged,
        "file_rows": lines,
        "file_bytes": tally.bytes,
        "file_sha256": tally.hash.hexdigest(),
    }


def cycle_starts(job: ReportJob) -> list[date]:
    """Return the first day of each billing cycle that a report touches.

    For files without recorded cycles, they are computed from the subscription as it is now.
    """
    if job.file_cycles:
        return [date.fromisoformat(cycle["first_day"]) for cycle in job.file_cycles]
    return [cycle.first_day for cycle in job.subscription.contract.cycles_touching(job.range)]


def _refuse_unless_comparable(job: ReportJob, report_type: ReportType, administrator: Administrator) -> None:
    try:
        refuse_unless_there(job, administrator=administrator)
    except PermissionDenied as error:
        raise JobFailedError(
            "The person who requested this comparison no longer has access to the reports. That takes "
            "access to the account and the permission Billing > Subscription > View."
        ) from error
    except ExpiredError as error:
        raise JobFailedError(
            "The rows cannot be compared, because the file of one of the two reports is no longer available or is "
            "damaged. Request the report again, and compare with the new run."
        ) from error
    then = [(column["name"], column["kind"]) for column in job.file_columns]
    if then and then != [(column.heading, column.kind) for column in report_type.columns]:
        raise JobFailedError(
            "The rows cannot be compared, because the columns of this report type have changed since one of the two "
            "reports was made. Request the report again, and compare with the new run."
        )


def _read(attempt: Attempt[Comparison], job: ReportJob, phase: str, diff: ReportDiff) -> None:
    """Read the rows of a stored file. Raises ValueError unless there are as many as were written."""
    attempt.expect(job.file_rows, phase=phase)
    take = diff.read_before if phase == READING_BEFORE else diff.read_after
    with open_stored(job) as source:
        rows = formats.by_slug(job.format).read(cast("BinaryIO", source), types.by_slug(job.report_type).columns)
        taken = take(rows, attempt.report_rows)
    if taken != job.file_rows:
        raise ValueError(f"{job.file.name}: {taken} rows were read, {job.file_rows} were written")
