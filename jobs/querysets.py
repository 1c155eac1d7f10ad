"""Sets of jobs: who takes one, which were abandoned, which wait to be told of."""

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
    " AND (state = 'queued' OR (state = 'running' AND lease_until < statement_timestamp())){turn} RETURNING *"
)
# Exact only for who holds the lock on the value: each statement then sees what the holder before has committed.
_IS_BELOW_LIMIT = sql.SQL(
    " AND (SELECT count(*) FROM {table} AS other WHERE other.{field} = {table}.{field} AND other.id <> {table}.id"
    " AND other.state = 'running' AND other.lease_until >= statement_timestamp()) < %s"
)


class JobQuerySet(models.QuerySet[JobT], Generic[JobT]):
    """Sets of jobs. Every instant is the database's: the clocks of many machines need not agree."""

    def claim(self, pk: uuid.UUID | str) -> JobT | None:
        """Take the job for this worker, as a new attempt with a new fence.

        Return None when another worker has it, it is finished, or the limit on concurrent jobs is reached. In the last
        case its message is used up, and a running job publishes it again when it ends (`next_in_queue`). A single
        UPDATE decides, so that one of any number of concurrent workers gets the row.
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
        """The job, as long as the attempt with this fence has it: neither cancelled nor taken by a later one."""
        return self.filter(pk=pk, fence=fence, state=State.RUNNING)

    def abandoned(self) -> Self:
        """Running ones whose worker has not been heard of for a whole lease."""
        return self.filter(state=State.RUNNING, lease_until__lt=Now())

    def unpublished(self) -> Self:
        """Queued ones that no worker was told of, or was told of in vain for long enough to say it again.

        The pause before the next message grows with the job's age, up to ten times the first: a long queue is not
        flooded, and the loss of every message is still made good.
        """
        pause = timedelta(seconds=settings.JOB_REPUBLISH_SECONDS)
        pause_now = Least(Greatest(pause, F("published_at") - F("requested_at")), pause * 10)
        return self.filter(Q(published_at=None) | Q(published_at__lt=Now() - pause_now), state=State.QUEUED)

    def release_abandoned(self) -> tuple[int, int]:
        """Queue the abandoned ones again; those that have no attempt left fail. Returns how many of each."""
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
        """The unpublished ones that may run, the oldest first, marked as told; the caller publishes them.

        Of several that ask at once, each gets others.
        """
        with transaction.atomic(self.db):
            unpublished = self.unpublished()
            if self.model.max_concurrent():
                unpublished = unpublished.filter(pk__in=self._runnable(unpublished))
            return self._mark_published(unpublished)

    def next_in_queue(self, pk: uuid.UUID | str) -> list[JobT]:
        """Return the unpublished jobs that may run now that the job with this ID has ended, as `take_unpublished` does.

        Holds the lock under which claims count, so that a job whose claim is just being refused is not missed.
        """
        if not self.model.max_concurrent():
            return []
        with transaction.atomic(self.db):
            turn = self._concurrency_key_of(pk)
            self._lock_queue(turn)
            unpublished = self.unpublished().filter(**{self.model.concurrency_key: turn}).exclude(pk=pk)
            return self._mark_published(unpublished.filter(pk__in=self._runnable(unpublished)))

    def _claim(self, pk: uuid.UUID | str) -> JobT | None:
        table = sql.Identifier(self.model._meta.db_table)
        values = [timedelta(seconds=settings.JOB_LEASE_SECONDS), pk, settings.JOB_MAX_ATTEMPTS]
        turn: sql.Composable = sql.SQL("")
        if max_concurrent := self.model.max_concurrent():
            turn = _IS_BELOW_LIMIT.format(table=table, field=sql.Identifier(self.model.concurrency_key))
            values.append(max_concurrent)
        return next(iter(self.raw(_CLAIM.format(table=table, turn=turn).as_string(), values)), None)

    def _concurrency_key_of(self, pk: uuid.UUID | str) -> Any:
        return self.filter(pk=pk).values_list(self.model.concurrency_key, flat=True).first()

    def _lock_queue(self, turn: Any) -> None:
        hold(f"running: {self.model._meta.db_table}, {turn}")

    def _runnable(self, jobs: Self) -> list[uuid.UUID]:
        """The IDs of as many of these queued jobs as may run beside those that do, the oldest first."""
        field = self.model.concurrency_key
        running = self.filter(state=State.RUNNING, lease_until__gte=Now()).order_by()
        taken = Counter(dict(running.values_list(field).annotate(Count("pk"))))
        chosen = []
        for pk, turn in jobs.order_by("requested_at").values_list("pk", field):
            if taken[turn] < self.model.max_concurrent():
                taken[turn] += 1
                chosen.append(pk)
        return chosen

    def _mark_published(self, jobs: Self) -> list[JobT]:
        told = list(jobs.order_by("requested_at").select_for_update(skip_locked=True))
        self.filter(pk__in=[job.pk for job in told]).update(published_at=Now())
        return told

    def _locked(self, jobs: Self) -> Self:
        """The same, locked; rows that a worker is just changing are skipped, not waited for."""
        return self.filter(pk__in=list(jobs.select_for_update(skip_locked=True).values_list("pk", flat=True)))
