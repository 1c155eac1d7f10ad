"""The abstract model of work that outlives a request, and the record of the periodic tasks behind it.

The row in PostgreSQL is the only truth.
"""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now

from jobs.querysets import JobQuerySet
from jobs.states import UNFINISHED, State

LONG_WAIT = timedelta(seconds=15)
"""A free worker claims a job at once; after this long, screens say what the job waits for."""


class Job(models.Model):
    """One piece of work, claimed by one worker at a time.

    `attempt` counts the claims, and the job fails after too many. `fence` grows with every claim, so that a
    worker whose lease has expired cannot overwrite its successor's work. `published_at` is when the job was last
    published to the broker; null means that the job is unpublished. All instants come from the database's clock.
    """

    id = models.UUIDField("ID", primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED, editable=False)
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    published_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    rows_done = models.PositiveBigIntegerField(default=0, editable=False)
    rows_expected = models.PositiveBigIntegerField(null=True, editable=False)
    phase = models.CharField(
        max_length=20, blank=True, editable=False, help_text="What the worker is doing, for which `rows_done` counts."
    )
    failure = models.TextField(blank=True, editable=False, help_text="What happened and what to do, as a sentence.")

    objects = JobQuerySet.as_manager()

    task_name: ClassVar[str]
    """The Celery task that works on a job of the model; it takes the job's ID."""

    concurrency_key: ClassVar[str]
    """For a model with a limit, the column by which it applies: `max_concurrent()` jobs run for each value."""

    class Meta:
        abstract = True
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="%(class)s_has_known_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False), name="%(class)s_running_has_a_lease"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=False, state__in=["succeeded", "failed", "cancelled"])
                | Q(finished_at__isnull=True, state__in=["queued", "running"]),
                name="%(class)s_is_finished_or_not",
            ),
        ]
        indexes = [
            # For the sweep: unfinished jobs are a handful among all the finished ones.
            models.Index(
                fields=["requested_at"], condition=Q(state__in=["queued", "running"]), name="%(class)s_unfinished"
            ),
        ]

    @classmethod
    def max_concurrent(cls) -> int:
        """Return how many jobs with one value of `concurrency_key` may run at the same time; 0 means no limit."""
        return 0

    @property
    def is_finished(self) -> bool:
        """Whether the job has reached a final state."""
        return self.state not in UNFINISHED

    def awaits_worker(self, moment: datetime) -> bool:
        """Return whether the job lacks a worker: it has been queued for long, or its lease has expired."""
        if self.state == State.RUNNING:
            return self.lease_until is not None and self.lease_until < moment
        return self.state == State.QUEUED and moment - self.requested_at > LONG_WAIT

    def cancel(self) -> bool:
        """Cancel the job, and reload the object. If the job is running, its worker stops and discards the result.

        Return False if the job has already finished.
        """
        cancelled = (
            type(self)
            .objects.filter(pk=self.pk, state__in=UNFINISHED)
            .update(state=State.CANCELLED, lease_until=None, finished_at=Now())
        )
        self.refresh_from_db()
        return bool(cancelled)


class PeriodicTaskQuerySet(models.QuerySet["PeriodicTask"]):
    def record(self, name: str) -> None:
        """Record that the task has just ended, in one statement, so that concurrent calls do no harm."""
        self.bulk_create(
            [PeriodicTask(name=name, last_ended_at=Now())],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["last_ended_at"],
        )

    def age(self, name: str) -> timedelta | None:
        """Return how long ago the task last ended; None if it never has."""
        ages = self.filter(pk=name).annotate(
            age=ExpressionWrapper(Now() - F("last_ended_at"), output_field=models.DurationField())
        )
        return ages.values_list("age", flat=True).first()


class PeriodicTask(models.Model):
    """A task that the scheduler repeats, and when it last ended, by the database's clock."""

    name = models.CharField(max_length=100, primary_key=True)
    last_ended_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(PeriodicTaskQuerySet)()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
