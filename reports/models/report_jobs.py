"""Report jobs: one order for one report."""

import re
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from billing.cycles import DateRange
from billing.models import Account, Administrator, ApiToken, Subscription
from billing.tenancy import SameAccountForeignKey
from jobs.states import State
from reports import types
from reports.models.file_jobs import FileJob, FileJobQuerySet


def report_type_choices() -> list[tuple[str, str]]:
    """Return `(slug, title)` of each report type; a callable, so that a new type needs no migration."""
    return [(report_type.slug, report_type.title) for report_type in types.all_types()]


class ReportJobQuerySet(FileJobQuerySet["ReportJob"]):
    def alike(self, job: "ReportJob") -> Self:
        """Return the jobs for the same report as this one, ordered on any day."""
        options = ("subscription", "report_type", "format", "totals_sheet", "date_from", "date_through")
        return self.filter(**{name: getattr(job, name) for name in options})

    def cancellable_by(self, administrator: Administrator) -> Self:
        """Return the jobs that the administrator may cancel or withdraw from, some of them more than once."""
        if administrator.may_end_reports_of_others:
            return self
        is_subscribed = Q(subscribers__administrator=administrator, subscribers__unsubscribed_at=None)
        is_unrecorded = Q(requested_by=administrator) & ~Q(subscribers__administrator=administrator)
        return self.filter(is_subscribed | is_unrecorded)


class ReportJob(FileJob):
    """One order for one report on a subscription's usage, from one day through another, both included."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, related_name="report_jobs")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, db_constraint=False, related_name="report_jobs"
    )
    report_type = models.CharField(max_length=50, choices=report_type_choices)
    format = models.CharField(max_length=20, default="csv")
    date_from = models.DateField()
    date_through = models.DateField()
    totals_sheet = models.BooleanField(
        default=False, help_text="Whether the file includes the control totals, if its format has a place for them."
    )
    requested_on = models.DateField(
        editable=False,
        help_text="The day (UTC) of the request: sessions still open are cut at the end of the day before.",
    )
    file_columns = models.JSONField(
        default=list, editable=False, help_text="Name, kind and unit of each column of the file."
    )
    file_as_of = models.DateTimeField(
        null=True, editable=False, help_text="The instant of the data snapshot in the file."
    )
    file_cycles = models.JSONField(
        default=list, editable=False, help_text="The first and last day of each billing cycle that the range touches."
    )
    totals = models.JSONField(
        null=True, editable=False, help_text="The control totals; null for files created before totals were recorded."
    )
    software_version = models.CharField(
        max_length=50, blank=True, editable=False, help_text="The version of Tallydesk that wrote the file."
    )
    data_version = models.TextField(
        blank=True,
        editable=False,
        help_text="The version of the account's and the shared data in the file; until it is finished, a lower bound.",
    )
    requested_with = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    announced_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When messages about the end of the job were created for the account's webhooks.",
    )

    objects: ClassVar = ReportJobQuerySet.as_manager()

    folder = "reports"
    task_name = "reports.tasks.generate_report"
    concurrency_key = "account_id"

    class Meta(FileJob.Meta):
        constraints = [
            *FileJob.Meta.constraints,
            models.UniqueConstraint(fields=["account", "id"], name="report_job_id_stands_with_its_account"),
            SameAccountForeignKey(field="subscription", name="report_job_is_on_a_subscription_of_its_account"),
            models.CheckConstraint(
                condition=Q(date_through__gte=F("date_from")),
                name="report_job_range_begins_before_it_ends",
                violation_error_message="The start date is after the end date.",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded")
                | (Q(file_bytes__isnull=False, file_rows__isnull=False) & ~Q(file_sha256="")),
                name="report_job_succeeds_with_a_file",
            ),
        ]
        indexes = [
            *FileJob.Meta.indexes,
            # Recent reports of a subscription.
            models.Index(fields=["subscription", "-requested_at"], name="report_job_recent"),
            # Pages of the API's list, for one account and for platform staff.
            models.Index(fields=["account", "-requested_at", "-id"], name="report_job_of_account"),
            models.Index(fields=["-requested_at", "-id"], name="report_job_latest"),
            # Jobs not yet announced to webhooks: a handful among all finished ones.
            models.Index(
                fields=["finished_at"],
                condition=Q(announced_at=None, state__in=["succeeded", "failed"]),
                name="report_job_unannounced",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_report_type_display()}, {self.date_from} through {self.date_through}"

    @property
    def range(self) -> DateRange:
        """The days that the report covers."""
        return DateRange(self.date_from, self.date_through)

    @property
    def percent(self) -> int | None:
        """The part of the work that is done: 100 only once the file is there; None while it is unknown."""
        if self.state == State.SUCCEEDED:
            return 100
        if self.rows_expected is None:
            return None
        return min(99, 100 * self.rows_done // self.rows_expected) if self.rows_expected else 99

    @property
    def download_name(self) -> str:
        """The file name that browsers and programs save it under.

        A subscription's number may hold characters that a file name may not; they become underscores.
        """
        name = f"{self.report_type}_{self.subscription.number}_{self.date_from}_{self.date_through}.{self.format}"
        return re.sub(r"[^\w.+-]", "_", name)
