"""The abstract model of jobs that make a file, which is kept for some time."""

from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar, Generic, Self, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now

from billing.models import Account, Administrator
from jobs import files
from jobs.models import Job
from jobs.querysets import JobQuerySet
from jobs.states import State

FileJobT = TypeVar("FileJobT", bound="FileJob")


class FileJobQuerySet(JobQuerySet[FileJobT], Generic[FileJobT]):
    """Sets of jobs of accounts that make files."""

    def visible_to(self, administrator: Administrator) -> Self:
        """Those of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def past_retention(self) -> Self:
        """Those with a file that was made longer ago than files are kept."""
        kept = timedelta(days=settings.REPORT_RETENTION_DAYS)
        return self.filter(state=State.SUCCEEDED, finished_at__lt=Now() - kept).exclude(file="")


class FileJob(Job):
    """A job that makes a file; the row stays when the file has been kept for long enough."""

    file = models.FileField(max_length=255, blank=True, editable=False)
    file_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    file_sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    file_rows = models.PositiveBigIntegerField(null=True, editable=False)

    objects: ClassVar = FileJobQuerySet.as_manager()

    folder: ClassVar[str]
    """Where the files of the model are stored."""
    format: str
    """The format of the file, which its name ends with."""

    class Meta(Job.Meta):
        abstract = True

    @classmethod
    def max_concurrent(cls) -> int:
        """How many of one account run at the same time: those of other accounts find a worker, too."""
        limit: int = settings.REPORT_JOBS_RUNNING_PER_ACCOUNT
        return limit

    @property
    def is_expired(self) -> bool:
        """Whether the file was made, and deleted after the time for which files are kept."""
        return self.state == State.SUCCEEDED and not self.file

    @property
    def expires_at(self) -> datetime | None:
        """When the file has been kept for long enough, or was; None as long as the job is not finished."""
        kept = timedelta(days=settings.REPORT_RETENTION_DAYS)
        return None if self.finished_at is None else self.finished_at + kept

    def file_name(self, fence: int) -> str:
        """Where the attempt with this fence stores its file: a name that no other attempt uses."""
        return f"{self.folder}/{self.pk}.{fence}.{self.format}"

    def expire(self) -> bool:
        """Delete the file that was made; the job stays. False when there is none to delete any more.

        The row first: what a failed deletion leaves over is collected later. Who is just reading the file reads on.
        """
        name = self.file.name
        if not name or not type(self).objects.filter(pk=self.pk, file=name).update(file=""):
            return False
        transaction.on_commit(partial(files.remove, name), robust=True)
        self.refresh_from_db(fields=["file"])
        return True
