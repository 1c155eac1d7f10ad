"""Running a report job: one attempt, from the claimed job to its stored file."""

from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import PermissionDenied

from billing.cycles import RangeError
from billing.models import Administrator, DataVersion, Subscription
from jobs.running import Attempt, JobFailedError
from reports import formats, types
from reports.engine.report_type import Scope
from reports.engine.write import scope_of, snapshot, snapshot_instant, write_report
from reports.models import ReportJob
from reports.orders import deduplicate
from reports.orders.enqueue import refuse_unless_permitted
from reports.orders.store import store


def run_report_job(attempt: Attempt[ReportJob]) -> None:
    """Write the file from one snapshot of the data, store it, and finish the job.

    Re-checks that a subscriber may still have the report.
    """
    job = attempt.job
    _refuse_unless_still_permitted(job)
    # Recorded before the snapshot: equal orders may join this attempt for as long as the data keep this version.
    attempt.record(data_version=DataVersion.objects.of([job.account_id]))
    store(attempt, partial(_write, attempt))


def _refuse_unless_still_permitted(job: ReportJob) -> None:
    """Raise JobFailedError unless at least one subscriber may have the report."""
    for administrator in deduplicate.subscribers_of(job) or [Administrator.objects.get(pk=job.requested_by_id)]:
        try:
            refuse_unless_permitted(administrator, job.subscription)
        except PermissionDenied:
            continue
        return
    raise JobFailedError(
        "The people who requested this report no longer have access to it. That takes access to the account and the "
        "permission Billing > Subscription > View."
    )


def _write(attempt: Attempt[ReportJob], target: BinaryIO) -> dict[str, Any]:
    """Write the file, and return what is known about it as fields of the job."""
    job = attempt.job
    report_type = types.by_slug(job.report_type)
    with snapshot() as connection:
        as_of = snapshot_instant(connection)
        data_version = DataVersion.objects.of([job.account_id])
        scope = _scope_of(job)
        written = write_report(
            connection,
            report_type=report_type,
            scope=scope,
            format=formats.by_slug(job.format),
            target=target,
            on_progress=attempt.report_rows,
            on_totals=lambda totals: attempt.expect(totals.rows),
            totals_sheet=job.totals_sheet,
        )
    return {
        "file_rows": written.rows,
        "file_bytes": written.bytes,
        "file_sha256": written.sha256,
        "file_columns": [column.described() for column in report_type.columns],
        "file_cycles": [cycle.described() for cycle in scope.cycles],
        "file_as_of": as_of,
        "totals": written.totals.as_json(),
        "data_version": data_version,
        "software_version": settings.VERSION,
    }


def _scope_of(job: ReportJob) -> Scope:
    """Return the scope of the subscription as it is in the snapshot."""
    try:
        return scope_of(Subscription.objects.get(pk=job.subscription_id), job.range, job.requested_on)
    except RangeError as error:
        raise JobFailedError(str(error)) from error  # The subscription has changed since the order.
