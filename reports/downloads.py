"""Handing out a finished report's file: only through here, never under a public address."""

from django.core.files import File

from billing.models import Administrator
from jobs.states import State
from reports.models import ReportJob
from reports.requesting import refuse_unless_permitted


class NotReadyError(Exception):
    """The report is not made yet, or never will be; the message is a sentence."""


class ExpiredError(Exception):
    """The report was made, and its file is gone; the message is a sentence."""


def open_report(job: ReportJob, *, administrator: Administrator) -> "File[bytes]":
    """The stored file, open for reading; the caller closes it (as FileResponse does).

    Raises PermissionDenied, also for who was allowed to ask at the time; NotReadyError; ExpiredError, also for a file
    that is missing from the storage.
    """
    refuse_unless_permitted(administrator, job.subscription)
    if job.state != State.SUCCEEDED:
        raise NotReadyError(f"The report is {job.get_state_display()}: there is no file.")
    expired = "The file was deleted after the time for which files are kept. Ask for the report again."
    if not job.file.name:
        raise ExpiredError(expired)
    try:
        return job.file.storage.open(job.file.name, "rb")
    except FileNotFoundError:
        raise ExpiredError(expired) from None
