"""Who may download the file of a report or a comparison: it has no public address, and each download is checked here.

It takes one of `billing.permissions.REPORT_PERMISSIONS`, and an account that the administrator sees.
"""

import structlog
from django.core.exceptions import PermissionDenied
from django.core.files import File

from billing.models import Administrator
from jobs.states import State
from reports.models import Comparison, ReportJob
from reports.orders.deduplicate import wanted_by
from reports.orders.enqueue import refuse_unless_permitted

logger = structlog.get_logger(__name__)

JobWithFile = ReportJob | Comparison

GONE = "The file was deleted, by hand or at the end of its retention period. Request the report again."
NOT_ALONE = (
    "Others requested this report, with you or without you. To have its file deleted, ask the platform's staff or "
    "somebody with Billing > All Permissions."
)
DAMAGED = "The stored file is damaged and cannot be downloaded. Request the report again."


class NotReadyError(Exception):
    """The job has not succeeded, or never will; the message is a sentence."""


class ExpiredError(Exception):
    """The job succeeded, but its file is gone or damaged; the message is a sentence."""


def refuse_unless_there(job: JobWithFile, *, administrator: Administrator) -> None:
    """Raise unless the administrator may download the file now. Does not open the file.

    Raises PermissionDenied, even if the administrator was permitted when the job was created; NotReadyError;
    ExpiredError, also if the file is missing from the storage or truncated.
    """
    _refuse_unless_succeeded(job, administrator)
    if not job.file.name:
        raise ExpiredError(GONE)
    try:
        stored = job.file.storage.size(job.file.name)
    except FileNotFoundError:
        raise ExpiredError(GONE) from None
    if stored != job.file_bytes:
        logger.error("report_file_damaged", job=str(job.pk), bytes=job.file_bytes, stored=stored)
        raise ExpiredError(DAMAGED)


def open_stored(job: JobWithFile) -> "File[bytes]":
    """Open the stored file for reading, after `refuse_unless_there`. The caller closes it, as FileResponse does.

    Raises ExpiredError if the file was deleted in between.
    """
    try:
        return job.file.storage.open(str(job.file.name), "rb")
    except FileNotFoundError:
        raise ExpiredError(GONE) from None


def delete_report_file(job: ReportJob, *, administrator: Administrator) -> None:
    """Delete the file before its retention period ends; the job stays.

    Raises as `refuse_unless_there` does; also PermissionDenied, with a sentence, for a file that others requested,
    unless the administrator may end their reports.
    """
    _refuse_unless_succeeded(job, administrator)
    if not (administrator.may_end_reports_of_others or wanted_by(job) == {administrator.pk}):
        raise PermissionDenied(NOT_ALONE)
    if not job.expire():
        raise ExpiredError(GONE)


def _refuse_unless_succeeded(job: JobWithFile, administrator: Administrator) -> None:
    refuse_unless_permitted(administrator, job.subscription)
    if job.state != State.SUCCEEDED:
        raise NotReadyError(f"The report is {job.get_state_display()}, so there is no file.")
