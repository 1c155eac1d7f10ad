"""Sets of jobs: who takes one, which were abandoned, which wait to be told of."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least, Now
from psycopg import sql

from jobs.states import State

if TYPE_CHECKING:
    from jobs.models import Job

JobT = TypeVar("JobT", bound="Job")

_CLAIM = sql.SQL(
    "UPDATE {table} SET state = 'running', attempt = attempt + 1, fence = fence + 1,"
    " started_at = statement_timestamp(), lease_until = statement_timestamp() + %s, rows_done = 0, rows_expected = NULL"
    " WHERE id = %s AND attempt < %s"
    " AND (state = 'queued' OR (state = 'running' AND lease_until < statement_timestamp())) RETURNING *"
)


class JobQuerySet(models.QuerySet[JobT], Generic[JobT]):
    """Sets of jobs. Every instant is the database's: the clocks of many machines need not agree."""

    def claim(self, pk: uuid.UUID | str) -> JobT | None:
        """Take the job for this worker, as a new attempt with a new fence; None when another has it or it is over.

        One UPDATE decides: of any number of workers that try at once, one gets the row.
        """
        lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
        statement = _CLAIM.format(table=sql.Identifier(self.model._meta.db_table)).as_string()
        return next(iter(self.raw(statement, [lease, pk, settings.JOB_MAX_ATTEMPTS])), None)

    def held(self, pk: uuid.UUID, fence: int) -> Self:
        """The job, as long as the attempt with this fence has it: neither cancelled nor taken by a later one."""
        return self.filter(pk=pk, fence=fence, state=State.RUNNING)

    def abandoned(self) -> Self:
        """Running ones whose worker has not been heard of for a whole lease."""
        return self.filter(state=State.RUNNING, lease_until__lt=Now())

    def untold(self) -> Self:
        """Queued ones that no worker was told of, or was told of in vain for long enough to say it again.

        The pause before the next message grows with the job's age, up to ten times the first: a long queue is not
        flooded, and the loss of every message is still made good.
        """
        pause = timedelta(seconds=settings.JOB_REPUBLISH_SECONDS)
        pause_now = Least(Greatest(pause, F("published_at") - F("requested_at")), pause * 10)
        return self.filter(Q(published_at=None) | Q(published_at__lt=Now() - pause_now), state=State.QUEUED)

    def put_back_abandoned(self) -> tuple[int, int]:
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

    def take_untold(self) -> list[JobT]:
        """The untold ones, marked as told: of several that ask at once, each gets others. The caller publishes them."""
        with transaction.atomic(self.db):
            untold = list(self.untold().select_for_update(skip_locked=True))
            self.filter(pk__in=[job.pk for job in untold]).update(published_at=Now())
        return untold

    def _locked(self, jobs: Self) -> Self:
        """The same, locked; rows that a worker is just changing are skipped, not waited for."""
        return self.filter(pk__in=list(jobs.select_for_update(skip_locked=True).values_list("pk", flat=True)))
