"""Idempotency keys: under which a program asked for a report, so that asking again is safe."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from reports.models.report_jobs import ReportJob


class IdempotencyKey(models.Model):
    """The first answer to a request with a key of an administrator; the same request again gets the same answer.

    The row is inserted in the transaction that saves the job: of requests at once, one makes the job and the others
    wait for its row. Kept for 24 hours.
    """

    administrator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255, db_collation="C")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request: another one is refused.")
    job = models.ForeignKey(ReportJob, on_delete=models.CASCADE, related_name="+")
    answer = models.JSONField(help_text="The body of the first answer.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["administrator", "key"], name="idempotency_key_stands_for_one_request"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key
