"""Comparisons: what changed between two reports on the same days."""

import re
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from billing.models import Account, Subscription
from billing.tenancy import SameAccountForeignKey
from reports.models.file_jobs import FileJob, FileJobQuerySet
from reports.models.report_jobs import ReportJob, report_type_choices


class ComparisonQuerySet(FileJobQuerySet["Comparison"]):
    def of(self, before: ReportJob, after: ReportJob) -> Self:
        """Return the comparisons of these two reports, in this order."""
        return self.filter(before=before, after=after)


class Comparison(FileJob):
    """Two reports of one type on the same days of a subscription, compared row by row.

    The file lists the rows that differ. Reports never change, so each pair has one result.
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

    objects: ClassVar = ComparisonQuerySet.as_manager()

    folder = "comparisons"
    task_name = "reports.tasks.compare_reports"
    concurrency_key = "account_id"
    format = "csv"
    """The format of the comparison's own file, whatever the formats of the reports."""

    class Meta(FileJob.Meta):
        constraints = [
            *FileJob.Meta.constraints,
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

    @property
    def differences(self) -> int:
        """The number of rows added, removed or changed; 0 until the comparison is finished."""
        return (self.rows_added or 0) + (self.rows_removed or 0) + (self.rows_changed or 0)

    @property
    def download_name(self) -> str:
        """The file name that browsers save it under."""
        after = self.after
        name = f"{self.report_type}_{self.subscription.number}_{after.date_from}_{after.date_through}_changes.csv"
        return re.sub(r"[^\w.+-]", "_", name)
