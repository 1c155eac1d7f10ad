"""Runs a job: one attempt from its claim to its end, whatever happens in between."""

import uuid
from collections.abc import Callable
from typing import Any, Generic

import psycopg
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import shutdown
from jobs.claims import Claim, ClaimLostError, Progress
from jobs.heartbeat import Heartbeat, StoppedError, StopReason
from jobs.models import Job
from jobs.publishing import publish, publish_all
from jobs.querysets import JobT
from jobs.states import State

logger = structlog.get_logger(__name__)

# The database, storage or disk may be unavailable or full for a while: worth another attempt later.
PASSING = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, OSError)
UNEXPECTED = (
    "Something went wrong on our side, and it has been recorded. Try again; if it happens again, tell the platform's "
    "support."
)


class JobFailedError(Exception):
    """Raised inside a job's work when it cannot be done; the message is a sentence for people that says why.

    `result` holds fields of the job to save with the failure.
    """

    def __init__(self, failure: str, **result: Any) -> None:
        super().__init__(failure)
        self.result = result


class Attempt(Generic[JobT]):
    """One attempt, as the job's work sees it: the job, its progress and its end. `outcome` is for the log."""

    def __init__(self, job: JobT, working_connection: BaseDatabaseWrapper) -> None:
        self.job = job
        self.claim = Claim.of(job)
        self.outcome = "succeeded"
        working_connection.ensure_connection()
        self._heartbeat = Heartbeat(self.claim, working_connection=working_connection.connection)

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the work must stop; None as long as it may go on."""
        return self._heartbeat.stop_reason

    def expect(self, rows: int | None, *, phase: str = "", measure: Callable[[], int] | None = None) -> None:
        """Start counting from 0 towards this many rows, None if unknown; `phase` names what is being done.

        Where the work is one long statement that cannot report, `measure` returns the rows done so far. It is called
        from another thread, with a connection of its own.
        """
        self._heartbeat.measure = None
        self._heartbeat.progress = Progress(0, rows, phase)
        self._heartbeat.measure = measure

    def report_rows(self, rows: int) -> None:
        """Record that this many rows are done. Cheap, so call it often. Raises StoppedError if the work must stop."""
        self._heartbeat.progress = self._heartbeat.progress._replace(rows_done=rows)
        if self._heartbeat.stop_reason is not None:
            raise StoppedError

    def record(self, **fields: Any) -> None:
        """Save fields of the job before the attempt ends. Raises ClaimLostError."""
        self.claim.record(**fields)

    def succeed(self, **result: Any) -> None:
        """Finish the job and save the result in its fields. Raises ClaimLostError if the claim is lost.

        From here on nothing interrupts the work. The row also gets the final progress, including what the heartbeat has
        not recorded yet.
        """
        self._heartbeat.stop()
        self.claim.succeed(**self._heartbeat.progress._asdict(), **result)

    def fail(self, failure: str, **result: Any) -> None:
        """Fail the job with a sentence for people, in the transaction that saves other rows with the failure.

        If there is nothing else to save, raise JobFailedError instead. Raises ClaimLostError.
        """
        self._heartbeat.stop()
        self.claim.fail(failure, **result)
        self.outcome = "failed"

    def __enter__(self) -> "Attempt[JobT]":
        self._heartbeat.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._heartbeat.stop()


Work = Callable[[Attempt[JobT]], None]


def run(model: type[JobT], pk: uuid.UUID | str, work: Work[JobT]) -> None:
    """Claim the job and do its work, which must end with `attempt.succeed(...)`. Do nothing if it cannot be claimed.

    A failure is recorded on the job, unless the work has called `attempt.fail(...)`. If the claim is lost, the job is
    left alone. On worker shutdown the job is released: queued again and published, without counting the attempt.
    However the attempt ends, the next job in its queue is published.
    """
    if shutdown.is_requested():  # too late for this worker: pass the message on to another one
        for waiting in model.objects.filter(pk=pk, state=State.QUEUED):
            publish(waiting)
        return
    job = model.objects.claim(pk)
    if job is None:
        logger.info("job_not_claimed", job=str(pk))
    else:
        with structlog.contextvars.bound_contextvars(job=str(job.pk), attempt=job.attempt):
            logger.info("job_started", what=str(job))
            logger.info("job_ended", outcome=_run(job, work))
    _publish_next(model, pk)


def _publish_next(model: type[Job], pk: uuid.UUID | str) -> None:
    """Publish the jobs that this one kept waiting; if that fails, the sweep publishes them."""
    try:
        publish_all(model.objects.next_in_queue(pk))
    except PASSING as error:
        connection.close()
        logger.warning("next_job_not_published", job=str(pk), error=str(error))


def _run(job: JobT, work: Work[JobT]) -> str:
    attempt = Attempt(job, connection)
    try:
        with attempt:
            work(attempt)
    except ClaimLostError:
        return "discarded"
    except JobFailedError as error:
        return _fail(attempt, str(error), **error.result)
    except SystemExit:  # SIGTERM to this process itself
        _release_on_shutdown(attempt)
        raise
    except Exception as error:  # noqa: BLE001 - the work ends here, and the job records its failure
        return _after_an_error(attempt, error)
    return attempt.outcome


def _after_an_error(attempt: Attempt[JobT], error: Exception) -> str:
    if attempt.stop_reason is StopReason.CLAIM_LOST:
        connection.close()  # a late cancellation must not hit the next query
        return "discarded"
    if attempt.stop_reason is StopReason.SHUTDOWN:
        return _release_on_shutdown(attempt)
    logger.error("job_raised", exc_info=error)
    connection.close()
    if isinstance(error, PASSING) and attempt.job.attempt < settings.JOB_MAX_ATTEMPTS:
        return "released" if attempt.claim.release() else "discarded"
    return _fail(attempt, UNEXPECTED)


def _fail(attempt: Attempt[JobT], failure: str, **result: Any) -> str:
    try:
        attempt.claim.fail(failure, **result)
    except ClaimLostError:
        return "discarded"
    return "failed"


def _release_on_shutdown(attempt: Attempt[JobT]) -> str:
    connection.close()  # as above; this also rolls back an open transaction
    if not attempt.claim.release_unattempted():
        return "discarded"
    publish(attempt.job)
    return "released"
