"""Who waits for a report job: whoever asks for the same while it is not finished shares it."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from billing.models import ApiToken
from reports.models.report_jobs import ReportJob


class ReportRequestQuerySet(models.QuerySet["ReportRequest"]):
    """Sets of requests."""

    def waiting(self) -> Self:
        """Those that were not withdrawn."""
        return self.filter(withdrawn_at=None)


class ReportRequest(models.Model):
    """One who asked for the report of a job, on a screen or with a token: the first, or one who joined it later.

    A request that was withdrawn stays: withdrawing it twice does not end what others wait for. Rows are written by who
    holds the lock on the job's row.
    """

    job = models.ForeignKey(ReportJob, on_delete=models.CASCADE, related_name="requests")
    administrator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.CASCADE, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ReportRequestQuerySet)()

    class Meta:
        default_permissions = ()
        ordering = ["requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "administrator", "token"],
                nulls_distinct=False,
                name="report_request_is_one_of_each_who_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.administrator}: {self.job}"
