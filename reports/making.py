"""Making a requested report: one attempt, from a claimed job to its stored file."""

from datetime import datetime
from typing import BinaryIO

from django.core.exceptions import PermissionDenied

from billing.cycles import RangeError
from billing.models import Administrator
from jobs import files
from jobs.claims import ClaimLostError
from jobs.running import Attempt, JobFailedError
from reports import formats, types
from reports.generation import Written, expected_rows, scope_of, snapshot, snapshot_instant, write_report
from reports.models import ReportJob
from reports.requesting import refuse_unless_permitted


def make_report(attempt: Attempt[ReportJob]) -> None:
    """Write the file from one snapshot of the data, store it under the attempt's own name, and finish the job.

    Whether who asked may still have the report is asked again. Only once the file is stored does the job succeed, and
    only if it is still this attempt's: a worker that was taken for dead deletes its own file and nothing else.
    """
    job = attempt.job
    _refuse_unless_still_permitted(job)
    for fence in range(1, job.fence):
        files.remove(job.file_name(fence))
    name = job.file_name(job.fence)
    with files.storing(name) as target:
        written, as_of = _write(attempt, target)
    try:
        attempt.succeed(
            file=name,
            file_rows=written.rows,
            file_bytes=written.bytes,
            file_sha256=written.sha256,
            file_columns=[column.described() for column in types.by_slug(job.report_type).columns],
            file_as_of=as_of,
        )
    except ClaimLostError:
        files.remove(name)
        raise


def _refuse_unless_still_permitted(job: ReportJob) -> None:
    try:
        refuse_unless_permitted(Administrator.objects.get(pk=job.requested_by_id), job.subscription)
    except PermissionDenied as error:
        raise JobFailedError(
            "Who asked for this report may not have it any more: that takes access to the account and the permission "
            "Billing > Subscription > View."
        ) from error


def _write(attempt: Attempt[ReportJob], target: BinaryIO) -> tuple[Written, datetime]:
    job = attempt.job
    report_type = types.by_slug(job.report_type)
    try:
        scope = scope_of(job.subscription, job.range, job.requested_on)
    except RangeError as error:
        raise JobFailedError(str(error)) from error  # the subscription was changed since the request
    with snapshot() as connection:
        as_of = snapshot_instant(connection)
        attempt.expect(expected_rows(connection, report_type, scope))
        written = write_report(
            connection,
            report_type=report_type,
            scope=scope,
            format=formats.by_slug(job.format),
            target=target,
            progress=attempt.progress,
        )
    return written, as_of
