"""Comparisons: what has changed between two reports on the same days."""

import re
from datetime import timedelta
from functools import partial
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from billing.models import Account, Administrator, Subscription
from billing.tenancy import SameAccountForeignKey
from jobs import files
from jobs.models import Job
from jobs.querysets import JobQuerySet
from jobs.states import State
from reports.models.report_jobs import ReportJob, report_type_choices

FOLDER = "comparisons"


class ComparisonQuerySet(JobQuerySet["Comparison"]):
    """Sets of comparisons."""

    def visible_to(self, administrator: Administrator) -> Self:
        """Those of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def of(self, before: ReportJob, after: ReportJob) -> Self:
        """Those of these two reports, in this order."""
        return self.filter(before=before, after=after)

    def past_retention(self) -> Self:
        """Those with a file that was made longer ago than files are kept."""
        kept = timedelta(days=settings.REPORT_RETENTION_DAYS)
        return self.filter(state=State.SUCCEEDED, finished_at__lt=Now() - kept).exclude(file="")


class Comparison(Job):
    """Two reports of one type on the same days of a subscription, held against each other row by row.

    The file lists the rows that differ. Reports never change, so that there is one answer for each two of them.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, related_name="comparisons")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, db_constraint=False, related_name="comparisons"
    )
    report_type = models.CharField(max_length=50, choices=report_type_choices)
    before = models.ForeignKey(ReportJob, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    after = models.ForeignKey(ReportJob, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    rows_added = models.PositiveBigIntegerField("added", null=True, editable=False)
    rows_removed = models.PositiveBigIntegerField("removed", null=True, editable=False)
    rows_changed = models.PositiveBigIntegerField("changed", null=True, editable=False)
    rows_unchanged = models.PositiveBigIntegerField("unchanged", null=True, editable=False)
    file = models.FileField(max_length=255, blank=True, editable=False)
    file_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    file_sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    file_rows = models.PositiveBigIntegerField(null=True, editable=False)

    objects = models.Manager.from_queryset(ComparisonQuerySet)()

    task_name = "reports.tasks.compare_reports"
    turns_by = "account_id"
    format = "csv"
    """That of the file, whatever those of the reports are."""

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            SameAccountForeignKey(field="subscription", name="comparison_is_on_a_subscription_of_its_account"),
            SameAccountForeignKey(field="before", name="comparison_is_with_a_report_of_its_account"),
            SameAccountForeignKey(field="after", name="comparison_is_of_a_report_of_its_account"),
            models.CheckConstraint(condition=~Q(before=F("after")), name="comparison_is_of_two_reports"),
            models.UniqueConstraint(
                fields=["before", "after"],
                condition=Q(state__in=["queued", "running"]),
                name="comparison_is_made_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded")
                | (
                    Q(file_bytes__isnull=False, file_rows__isnull=False)
                    & Q(rows_added__isnull=False, rows_removed__isnull=False)
                    & Q(rows_changed__isnull=False, rows_unchanged__isnull=False)
                    & ~Q(file_sha256="")
                ),
                name="comparison_succeeds_with_counts_and_a_file",
            ),
        ]

    def __str__(self) -> str:
        return f"Comparison of {self.get_report_type_display()}"

    @classmethod
    def at_once(cls) -> int:
        """How many of one account run at the same time, beside as many reports."""
        limit: int = settings.REPORT_JOBS_RUNNING_PER_ACCOUNT
        return limit

    @property
    def is_expired(self) -> bool:
        """Whether the comparison was made, and its file deleted after the time for which files are kept."""
        return self.state == State.SUCCEEDED and not self.file

    @property
    def differences(self) -> int:
        """How many rows were added, removed or changed; 0 before the end."""
        return (self.rows_added or 0) + (self.rows_removed or 0) + (self.rows_changed or 0)

    def file_name(self, fence: int) -> str:
        """Where the attempt with this fence stores its file: a name that no other attempt uses."""
        return f"{FOLDER}/{self.pk}.{fence}.csv"

    @property
    def download_name(self) -> str:
        """The name under which a browser saves the file."""
        after = self.after
        name = f"{self.report_type}_{self.subscription.number}_{after.date_from}_{after.date_through}_changes.csv"
        return re.sub(r"[^\w.+-]", "_", name)

    def expire(self) -> bool:
        """Delete the file; the counts stay. False when there is none to delete any more.

        The row first: what a failed deletion leaves over is collected later.
        """
        name = self.file.name
        if not name or not Comparison.objects.filter(pk=self.pk, file=name).update(file=""):
            return False
        transaction.on_commit(partial(files.remove, name), robust=True)
        self.refresh_from_db(fields=["file"])
        return True
