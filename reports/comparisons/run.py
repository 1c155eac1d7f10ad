"""Making a requested comparison: one attempt, from a claimed job to its stored file."""

import io
from datetime import date
from functools import partial
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from billing.models import Administrator
from jobs.running import Attempt, JobFailedError
from reports import formats, types
from reports.comparisons.diff import Differences
from reports.engine.report_type import ReportType
from reports.engine.write import BYTES_PER_BLOCK, Tally
from reports.models import Comparison, ReportJob
from reports.orders.downloads import ExpiredError, open_stored, refuse_unless_there
from reports.orders.store import store

READING_BEFORE, READING_AFTER, COMPARING, WRITING = "reading before", "reading after", "comparing", "writing"
"""The phases of a comparison."""


def compare(attempt: Attempt[Comparison]) -> None:
    """Hold the stored files of two reports against each other, store what differs, and finish the job.

    Whether who asked may still have the reports is asked again.
    """
    store(attempt, partial(_write, attempt))


def _write(attempt: Attempt[Comparison], target: BinaryIO) -> dict[str, Any]:
    """Write the file; what is known of it and of the reports afterwards, as fields of the job."""
    comparison = attempt.job
    report_type = types.by_slug(comparison.report_type)
    administrator = Administrator.objects.get(pk=comparison.requested_by_id)
    for job in (comparison.before, comparison.after):
        _refuse_unless_comparable(job, report_type, administrator)
    with transaction.atomic(durable=True):
        differences = Differences(connection, report_type, cycle_starts(comparison.after))
        _read(attempt, comparison.before, READING_BEFORE, differences)
        _read(attempt, comparison.after, READING_AFTER, differences)
        attempt.expect(None, phase=COMPARING)
        counts = differences.find()
        attempt.expect(counts.lines, phase=WRITING)
        tally = Tally(target)
        buffer = io.BufferedWriter(tally, BYTES_PER_BLOCK)
        lines = differences.write(cast("BinaryIO", buffer), attempt.report_rows)
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
    """The first days of the billing cycles that a report touches; of a file of old as its subscription has them now."""
    if job.file_cycles:
        return [date.fromisoformat(cycle["first_day"]) for cycle in job.file_cycles]
    return [cycle.first_day for cycle in job.subscription.contract.cycles_touching(job.range)]


def _refuse_unless_comparable(job: ReportJob, report_type: ReportType, administrator: Administrator) -> None:
    try:
        refuse_unless_there(job, administrator=administrator)
    except PermissionDenied as error:
        raise JobFailedError(
            "Who asked for this comparison may not have the reports any more: that takes access to the account and the "
            "permission Billing > Subscription > View."
        ) from error
    except ExpiredError as error:
        raise JobFailedError(
            "The file of one of the two reports is not there any more, or damaged: their rows cannot be compared. "
            "Make the report again, and compare with that."
        ) from error
    then = [(column["name"], column["kind"]) for column in job.file_columns]
    if then and then != [(column.heading, column.kind) for column in report_type.columns]:
        raise JobFailedError(
            "One of the two reports has other columns than such reports have by now: their rows cannot be compared. "
            "Make the report again, and compare with that."
        )


def _read(attempt: Attempt[Comparison], job: ReportJob, phase: str, differences: Differences) -> None:
    """Take the rows of a stored file; raises when they are not as many as were written."""
    attempt.expect(job.file_rows, phase=phase)
    take = differences.read_before if phase == READING_BEFORE else differences.read_after
    with open_stored(job) as source:
        rows = formats.by_slug(job.format).read(cast("BinaryIO", source), types.by_slug(job.report_type).columns)
        taken = take(rows, attempt.report_rows)
    if taken != job.file_rows:
        raise ValueError(f"{job.file.name}: {taken} rows were read, {job.file_rows} were written")
