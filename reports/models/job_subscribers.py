"""Subscribers of report jobs: an order for a report that is already queued or running subscribes to its job."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from billing.models import ApiToken
from reports.models.report_jobs import ReportJob


class JobSubscriberQuerySet(models.QuerySet["JobSubscriber"]):
    def subscribed(self) -> Self:
        """Return those who have not unsubscribed."""
        return self.filter(unsubscribed_at=None)


class JobSubscriber(models.Model):
    """An administrator who ordered the report of a job, on a screen or with a token.

    The row stays after unsubscribing, so that unsubscribing again does not cancel a job that others wait for. Rows are
    only written while the job's row is locked, or in the transaction that inserts it.
    """

    job = models.ForeignKey(ReportJob, on_delete=models.CASCADE, related_name="subscribers")
    administrator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.CASCADE, related_name="+")
    subscribed_at = models.DateTimeField(db_default=Now())
    unsubscribed_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(JobSubscriberQuerySet)()

    class Meta:
        default_permissions = ()
        ordering = ["subscribed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "administrator", "token"],
                nulls_distinct=False,
                name="job_subscriber_is_subscribed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.administrator}: {self.job}"
