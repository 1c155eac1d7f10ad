"""A claim, once `JobQuerySet.claim` has given it: what one attempt may write to its job.

Every write checks in the row that the claim is still held.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, NamedTuple, Self

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from jobs.querysets import JobQuerySet, JobT
from jobs.states import State


class ClaimLostError(Exception):
    """Raised when the job was cancelled or another attempt has claimed it: discard the result of this attempt."""


class Progress(NamedTuple):
    """How far an attempt is, as fields of its job."""

    rows_done: int = 0
    rows_expected: int | None = None
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Claim(Generic[JobT]):
    """One attempt at one job, identified by its `fence`, which no other attempt shares."""

    model: type[JobT]
    pk: uuid.UUID
    fence: int

    @classmethod
    def of(cls, job: JobT) -> Self:
        """Return the claim for a job that was just claimed."""
        return cls(type(job), job.pk, job.fence)

    def is_held(self) -> bool:
        """Return whether this attempt still holds the job."""
        return self._row().exists()

    def renew(self, progress: "Progress") -> bool:
        """Extend the lease and record the progress. Return False if the claim is lost."""
        lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
        return bool(self._row().update(lease_until=Now() + lease, **progress._asdict()))

    def record(self, **fields: Any) -> None:
        """Save fields of the job before the attempt ends. Raises ClaimLostError."""
        if not self._row().update(**fields):
            raise ClaimLostError

    def succeed(self, **result: Any) -> None:
        """Finish the job and save its result in fields of the job.

        Call it in the transaction that writes the result. Raises ClaimLostError if the claim is lost; then nothing
        of the attempt counts.
        """
        self._finish(state=State.SUCCEEDED, failure="", **result)

    def fail(self, failure: str, **result: Any) -> None:
        """Fail the job with a sentence that says what happened and what to do. Raises ClaimLostError."""
        self._finish(state=State.FAILED, failure=failure, **result)

    def release_unattempted(self) -> bool:
        """Queue the job again without counting this attempt; the caller publishes it. False if the claim is lost.

        Used on worker shutdown, which is not the job's fault.
        """
        return bool(self._queue_again(attempt=F("attempt") - 1, published_at=Now()))

    def release(self) -> bool:
        """Queue the job again and count this attempt; the sweep publishes it. Return False if the claim is lost."""
        return bool(self._queue_again(published_at=None))

    def _row(self) -> JobQuerySet[JobT]:
        return self.model.objects.held(self.pk, self.fence)

    def _finish(self, **fields: Any) -> None:
        if not self._row().update(lease_until=None, finished_at=Now(), **fields):
            raise ClaimLostError

    def _queue_again(self, **fields: Any) -> int:
        # A new fence, so that no late write of this attempt can pass for the next one's.
        return self._row().update(
            state=State.QUEUED, fence=F("fence") + 1, lease_until=None, **Progress()._asdict(), **fields
        )
