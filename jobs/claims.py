"""What one attempt at a job may write: everything holds only as long as the claim does, and the row says whether."""

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
    """The job was cancelled, or another attempt has it: what this one made is to be discarded."""


class Progress(NamedTuple):
    """How far an attempt is: fields of its job."""

    rows_done: int = 0
    rows_expected: int | None = None
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Claim(Generic[JobT]):
    """One attempt at one job; `fence` is its number, which no other attempt has."""

    model: type[JobT]
    pk: uuid.UUID
    fence: int

    @classmethod
    def of(cls, job: JobT) -> Self:
        """The claim of a job that was just claimed."""
        return cls(type(job), job.pk, job.fence)

    def is_held(self) -> bool:
        """Whether the job is still this attempt's."""
        return self._row().exists()

    def renew(self, progress: "Progress") -> bool:
        """Lengthen the lease and record how far it is; False when the claim is lost."""
        lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
        return bool(self._row().update(lease_until=Now() + lease, **progress._asdict()))

    def record(self, **fields: Any) -> None:
        """Write down what is known before the end, as fields of its model. Raises ClaimLostError."""
        if not self._row().update(**fields):
            raise ClaimLostError

    def succeed(self, **result: Any) -> None:
        """Finish the job with what it made, as fields of its model; inside a transaction, together with that.

        Raises ClaimLostError: then nothing of the attempt counts.
        """
        self._finish(state=State.SUCCEEDED, failure="", **result)

    def fail(self, failure: str, **result: Any) -> None:
        """Finish the job with a sentence that says what happened and what to do. Raises ClaimLostError."""
        self._finish(state=State.FAILED, failure=failure, **result)

    def release_unattempted(self) -> bool:
        """Queue the job again as if this attempt had not happened; the caller publishes it. False if the claim is lost.

        For a worker that shuts down: the job is not to blame.
        """
        return bool(self._queue_again(attempt=F("attempt") - 1, published_at=Now()))

    def release(self) -> bool:
        """Queue the job again after an attempt that counts; the sweep publishes it. False if the claim is lost."""
        return bool(self._queue_again(published_at=None))

    def _row(self) -> JobQuerySet[JobT]:
        return self.model.objects.held(self.pk, self.fence)

    def _finish(self, **fields: Any) -> None:
        if not self._row().update(lease_until=None, finished_at=Now(), **fields):
            raise ClaimLostError

    def _queue_again(self, **fields: Any) -> int:
        # A new fence, so that nothing of this attempt can count as the next one's.
        return self._row().update(
            state=State.QUEUED, fence=F("fence") + 1, lease_until=None, **Progress()._asdict(), **fields
        )
