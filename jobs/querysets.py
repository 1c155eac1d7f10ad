"""Sets of jobs: claiming one, and finding those that are abandoned, unpublished or next in the queue."""

import uuid
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Greatest, Least, Now
from psycopg import sql

from jobs.locks import hold
from jobs.states import State

if TYPE_CHECKING:
    from jobs.models import Job

JobT = TypeVar("JobT", bound="Job")

_CLAIM = sql.SQL(
    "UPDATE {table} SET state = 'running', attempt = attempt + 1, fence = fence + 1,"
    " started_at = statement_timestamp(), lease_until = statement_timestamp() + %s, rows_done = 0,"
    " rows_expected = NULL, phase = ''"
    " WHERE id = %s AND attempt < %s"
    " AND (state = 'queued' OR (state = 'running' AND lease_until < statement_timestamp())){limit} RETURNING *"
)
# Exact only under the lock on the value: each statement then sees what the previous holder committed.
_IS_BELOW_LIMIT = sql.SQL(
    " AND (SELECT count(*) FROM {table} AS other WHERE other.{field} = {table}.{field} AND other.id <> {table}.id"
    " AND other.state = 'running' AND other.lease_until >= statement_timestamp()) < %s"
)


class JobQuerySet(models.QuerySet[JobT], Generic[JobT]):
    """Sets of jobs. Every instant comes from the database, so the clocks of many machines need not agree."""

    def claim(self, pk: uuid.UUID | str) -> JobT | None:
        """Claim the job for this worker, as a new attempt with a new fence.

        Return None when another worker has it, it is finished, or the limit on concurrent jobs is reached. In the last
        case its message is spent, and a running job republishes it when that job ends (`next_in_queue`). A single
        UPDATE decides, so that exactly one of any number of concurrent workers gets the row.
        """
        if not self.model.max_concurrent():
            return self._claim(pk)
        with transaction.atomic(self.db):
            self._lock_queue(self._concurrency_key_of(pk))
            job = self._claim(pk)
            if job is None:
                waiting = self.filter(pk=pk, state=State.QUEUED, attempt__lt=settings.JOB_MAX_ATTEMPTS)
                waiting.update(published_at=None)
        return job

    def held(self, pk: uuid.UUID, fence: int) -> Self:
        """Return the job if the attempt with this fence holds it: neither cancelled nor claimed again since."""
        return self.filter(pk=pk, fence=fence, state=State.RUNNING)

    def abandoned(self) -> Self:
        """Return running jobs whose lease has expired."""
        return self.filter(state=State.RUNNING, lease_until__lt=Now())

    def unpublished(self) -> Self:
        """Return queued jobs that are unpublished, or due to be republished because no worker has claimed them.

        The pause before the next message grows with the job's age, up to ten times the first: a long queue is not
        flooded, and yet the loss of any message is made good.
        """
        pause = timedelta(seconds=settings.JOB_REPUBLISH_SECONDS)
        pause_now = Least(Greatest(pause, F("published_at") - F("requested_at")), pause * 10)
        return self.filter(Q(published_at=None) | Q(published_at__lt=Now() - pause_now), state=State.QUEUED)

    def release_abandoned(self) -> tuple[int, int]:
        """Queue abandoned jobs again, and fail exhausted ones. Return how many of each."""
        with transaction.atomic(self.db):
            queued = self._locked(self.abandoned().filter(attempt__lt=settings.JOB_MAX_ATTEMPTS)).update(
                state=State.QUEUED, lease_until=None, published_at=None
            )
            exhausted = (self.abandoned() | self.filter(state=State.QUEUED)).filter(
                attempt__gte=settings.JOB_MAX_ATTEMPTS
            )
            failed = self._locked(exhausted).update(
                state=State.FAILED,
                lease_until=None,
                finished_at=Now(),
                failure=f"Work on it broke off {settings.JOB_MAX_ATTEMPTS} times before it was done. Try again; if it "
                "happens again, tell the platform's support.",
            )
        return queued, failed

    def take_unpublished(self) -> list[JobT]:
        """Return runnable unpublished jobs, oldest first, and mark them published; the caller publishes them.

        Concurrent callers get disjoint sets (`SKIP LOCKED`).
        """
        with transaction.atomic(self.db):
            unpublished = self.unpublished()
            if self.model.max_concurrent():
                unpublished = unpublished.filter(pk__in=self._runnable(unpublished))
            return self._mark_published(unpublished)

    def next_in_queue(self, pk: uuid.UUID | str) -> list[JobT]:
        """Return the unpublished jobs that may run now that the job with this ID has ended, as `take_unpublished` does.

        Takes the lock under which claims are counted, so that it does not miss a job whose claim is being refused.
        """
        if not self.model.max_concurrent():
            return []
        with transaction.atomic(self.db):
            key = self._concurrency_key_of(pk)
            self._lock_queue(key)
            unpublished = self.unpublished().filter(**{self.model.concurrency_key: key}).exclude(pk=pk)
            return self._mark_published(unpublished.filter(pk__in=self._runnable(unpublished)))

    def _claim(self, pk: uuid.UUID | str) -> JobT | None:
        table = sql.Identifier(self.model._meta.db_table)
        values = [timedelta(seconds=settings.JOB_LEASE_SECONDS), pk, settings.JOB_MAX_ATTEMPTS]
        limit: sql.Composable = sql.SQL("")
        if max_concurrent := self.model.max_concurrent():
            limit = _IS_BELOW_LIMIT.format(table=table, field=sql.Identifier(self.model.concurrency_key))
            values.append(max_concurrent)
        return next(iter(self.raw(_CLAIM.format(table=table, limit=limit).as_string(), values)), None)

    def _concurrency_key_of(self, pk: uuid.UUID | str) -> Any:
        return self.filter(pk=pk).values_list(self.model.concurrency_key, flat=True).first()

    def _lock_queue(self, key: Any) -> None:
        hold(f"running: {self.model._meta.db_table}, {key}")

    def _runnable(self, jobs: Self) -> list[uuid.UUID]:
        """Return the IDs of those queued jobs that the limit lets run beside the running ones, oldest first."""
        field = self.model.concurrency_key
        running = self.filter(state=State.RUNNING, lease_until__gte=Now()).order_by()
        running_by_key = Counter(dict(running.values_list(field).annotate(Count("pk"))))
        chosen = []
        for pk, key in jobs.order_by("requested_at").values_list("pk", field):
            if running_by_key[key] < self.model.max_concurrent():
                running_by_key[key] += 1
                chosen.append(pk)
        return chosen

    def _mark_published(self, jobs: Self) -> list[JobT]:
        published = list(jobs.order_by("requested_at").select_for_update(skip_locked=True))
        self.filter(pk__in=[job.pk for job in published]).update(published_at=Now())
        return published

    def _locked(self, jobs: Self) -> Self:
        """Return these jobs, locked. Rows that a worker is changing are skipped rather than waited for."""
        return self.filter(pk__in=list(jobs.select_for_update(skip_locked=True).values_list("pk", flat=True)))
