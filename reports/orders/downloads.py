"""Handing out the file of a report or a comparison: only through here, never under a public address."""

import structlog
from django.core.files import File

from billing.models import Administrator
from jobs.states import State
from reports.models import Comparison, ReportJob
from reports.orders.enqueue import refuse_unless_permitted

logger = structlog.get_logger(__name__)

Made = ReportJob | Comparison
"""What may have a file to hand out."""

GONE = "The file was deleted, by hand or after the time for which files are kept. Ask for the report again."
DAMAGED = "The stored file is damaged, and is not handed out. Ask for the report again."


class NotReadyError(Exception):
    """The report is not made yet, or never will be; the message is a sentence."""


class ExpiredError(Exception):
    """The report was made, and its file is gone; the message is a sentence."""


def refuse_unless_there(job: Made, *, administrator: Administrator) -> None:
    """Raise unless the file can be handed out to the administrator now; it is not opened.

    Raises PermissionDenied, also for who was allowed to ask at the time; NotReadyError; ExpiredError, also for a file
    that is missing from the storage or has lost its end.
    """
    _refuse_unless_made(job, administrator)
    if not job.file.name:
        raise ExpiredError(GONE)
    try:
        stored = job.file.storage.size(job.file.name)
    except FileNotFoundError:
        raise ExpiredError(GONE) from None
    if stored != job.file_bytes:
        logger.error("report_file_damaged", job=str(job.pk), bytes=job.file_bytes, stored=stored)
        raise ExpiredError(DAMAGED)


def open_stored(job: Made) -> "File[bytes]":
    """The stored file after `refuse_unless_there`, open for reading; the caller closes it, as FileResponse does.

    Raises ExpiredError for a file that was deleted in between.
    """
    try:
        return job.file.storage.open(str(job.file.name), "rb")
    except FileNotFoundError:
        raise ExpiredError(GONE) from None


def delete_report_file(job: ReportJob, *, administrator: Administrator) -> None:
    """Delete the file before its time; the job stays, and has expired. Raises what `refuse_unless_there` does."""
    _refuse_unless_made(job, administrator)
    if not job.expire():
        raise ExpiredError(GONE)


def _refuse_unless_made(job: Made, administrator: Administrator) -> None:
    refuse_unless_permitted(administrator, job.subscription)
    if job.state != State.SUCCEEDED:
        raise NotReadyError(f"The report is {job.get_state_display()}: there is no file.")
