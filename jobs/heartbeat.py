"""The thread beside a running job: renews its lease, records its progress, and interrupts it when it must stop."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import Error, connection

from jobs import shutdown
from jobs.claims import Claim, Progress

logger = structlog.get_logger(__name__)

GLANCE_SECONDS = 0.2
PROGRESS_SECONDS = 0.5
# Long enough that the queries with which the work cleans up are not cancelled too.
CANCEL_SECONDS = 2


class StopReason(StrEnum):
    """Why a running job must stop before it is done."""

    CLAIM_LOST = "claim lost"
    SHUTDOWN = "worker is shutting down"


class StoppedError(Exception):
    """Raised inside a job's work when the work must stop."""


class Heartbeat:
    """Runs from `start` to `stop`, with a database connection of its own.

    The working connection is busy with one long query, and its transaction may be read-only or about to be rolled back.
    `measure`, if set, returns how far that query is. When the work must stop, the query is cancelled, repeatedly, until
    the work has ended.
    """

    def __init__(self, claim: Claim[Any], *, working_connection: "psycopg.Connection[Any]") -> None:
        self.stop_reason: StopReason | None = None
        self.progress = Progress()
        self.measure: Callable[[], int] | None = None
        self._claim = claim
        self._working_connection = working_connection
        self._recorded = Progress()
        self._renewed_at = self._looked_at = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat of {claim.pk}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it; no query is cancelled afterwards. Calling it again has no effect."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        structlog.contextvars.bind_contextvars(job=str(self._claim.pk))
        try:
            while not self._done.wait(GLANCE_SECONDS):
                self.stop_reason = self._reason_to_stop()
                if self.stop_reason is not None:
                    break
            while not self._done.is_set():
                with suppress(psycopg.Error):  # a connection that is gone has no query to cancel
                    self._working_connection.cancel_safe(timeout=5)
                self._done.wait(CANCEL_SECONDS)
        finally:
            connection.close()  # this thread's own

    def _reason_to_stop(self) -> StopReason | None:
        if shutdown.is_requested():
            return StopReason.SHUTDOWN
        now = time.monotonic()
        if now - self._looked_at < PROGRESS_SECONDS:
            return None
        try:
            held = self._look(now)
        except Error as error:
            # The database may be restarting. The claim is good until the lease expires; then another attempt may begin.
            logger.warning("heartbeat_failed", error=str(error))
            connection.close()
            held = now - self._renewed_at < settings.JOB_LEASE_SECONDS
        return None if held else StopReason.CLAIM_LOST

    def _look(self, now: float) -> bool:
        """Renew the lease if it is due or there is progress; otherwise only check that the claim is held."""
        self._looked_at = now
        self._measure()
        progress = self.progress
        if progress == self._recorded and now - self._renewed_at < settings.JOB_HEARTBEAT_SECONDS:
            return self._claim.is_held()
        held = self._claim.renew(progress)
        self._recorded, self._renewed_at = progress, now
        return held

    def _measure(self) -> None:
        """Update the progress from `measure`; after a failure, do not call it again."""
        measure = self.measure
        if measure is None:
            return
        try:
            rows_done = measure()
        except (Error, OSError, ValueError) as error:  # the statement or its file is gone
            logger.warning("progress_unknown", error=str(error))
            connection.close()
            self.measure = None
            return
        if self.measure is measure:  # otherwise the work has moved on to another statement
            self.progress = self.progress._replace(rows_done=rows_done)
