"""The abstract model of jobs that make a file, which is kept for a limited time."""

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
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the jobs of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def past_retention(self) -> Self:
        """Return the jobs whose file has been kept for the retention period."""
        kept = timedelta(days=settings.REPORT_RETENTION_DAYS)
        return self.filter(state=State.SUCCEEDED, finished_at__lt=Now() - kept).exclude(file="")


class FileJob(Job):
    """A job that makes a file. After the retention period the file is deleted and the row stays."""

    file = models.FileField(max_length=255, blank=True, editable=False)
    file_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    file_sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    file_rows = models.PositiveBigIntegerField(null=True, editable=False)

    objects: ClassVar = FileJobQuerySet.as_manager()

    folder: ClassVar[str]
    """The folder in the storage for the model's files."""
    format: str
    """The format of the file, which is also the ending of its name."""

    class Meta(Job.Meta):
        abstract = True

    @classmethod
    def max_concurrent(cls) -> int:
        """Return how many jobs of one account may run at once, so that other accounts' jobs find a worker too."""
        limit: int = settings.REPORT_JOBS_RUNNING_PER_ACCOUNT
        return limit

    @property
    def is_expired(self) -> bool:
        """Whether the file was made and, after the retention period, deleted."""
        return self.state == State.SUCCEEDED and not self.file

    @property
    def expires_at(self) -> datetime | None:
        """The end of the retention period; None until the job is finished."""
        kept = timedelta(days=settings.REPORT_RETENTION_DAYS)
        return None if self.finished_at is None else self.finished_at + kept

    def file_name(self, fence: int) -> str:
        """Return the name under which the attempt with this fence stores its file; no other attempt uses it."""
        return f"{self.folder}/{self.pk}.{fence}.{self.format}"

    def expire(self) -> bool:
        """Delete the file and keep the job. Returns False if there is no file left to delete.

        The row is updated first; a file whose deletion fails is collected later. A download already under way goes on.
        """
        name = self.file.name
        if not name or not type(self).objects.filter(pk=self.pk, file=name).update(file=""):
            return False
        transaction.on_commit(partial(files.remove, name), robust=True)
        self.refresh_from_db(fields=["file"])
        return True
