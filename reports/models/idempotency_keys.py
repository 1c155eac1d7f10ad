"""Idempotency keys: a program that repeats an order under the same key gets the first answer again."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from reports.models.report_jobs import ReportJob

KEPT = timedelta(hours=24)


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def valid(self) -> Self:
        """Return the keys that still stand for their request."""
        return self.filter(created_at__gt=Now() - KEPT)

    def expired(self) -> Self:
        """Return the keys that no longer stand for a request."""
        return self.filter(created_at__lte=Now() - KEPT)


class IdempotencyKey(models.Model):
    """The first answer to a request with an administrator's key; the same request again gets the same answer.

    The row is inserted in the transaction that saves the job: of concurrent requests, one makes the job and the others
    wait for its transaction. Keys are kept for 24 hours.
    """

    administrator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255, db_collation="C")
    fingerprint = models.CharField(
        max_length=64, help_text="SHA-256 of the request; a different request with this key is refused."
    )
    job = models.ForeignKey(ReportJob, on_delete=models.CASCADE, related_name="+")
    answer = models.TextField(help_text="The body of the first response, with its members in order.")
    created_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(IdempotencyKeyQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["administrator", "key"], name="idempotency_key_stands_for_one_request"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key
