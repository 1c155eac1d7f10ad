"""The thread beside a running job: keeps its lease, records its progress, and stops it when it is no longer wanted."""

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
# Seldom enough that what the work does to clean up is not cancelled in its turn.
CANCEL_SECONDS = 2


class StopReason(StrEnum):
    """Why a running job is to stop before it is done."""

    CLAIM_LOST = "claim lost"
    SHUTDOWN = "worker is shutting down"


class StoppedError(Exception):
    """Raised inside a job's work when there is no use in going on."""


class Heartbeat:
    """Runs from `start` to `stop`, with a database connection of its own.

    The work's own connection is busy with one long query, and may be in a transaction that is read-only or about to be
    rolled back. `measure`, if there is one, is asked how far that query is. When the work is to stop, the query is
    cancelled, and again every now and then until the work has noticed.
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
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it: afterwards nothing cancels a query any more. A second time does nothing."""
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
            # A database that restarts: the lease holds a while longer. When it ends, another attempt may begin.
            logger.warning("heartbeat_failed", error=str(error))
            connection.close()
            held = now - self._renewed_at < settings.JOB_LEASE_SECONDS
        return None if held else StopReason.CLAIM_LOST

    def _look(self, now: float) -> bool:
        """Renew the lease when it is time or there is progress; otherwise only look whether the claim is held."""
        self._looked_at = now
        self._measure()
        progress = self.progress
        if progress == self._recorded and now - self._renewed_at < settings.JOB_HEARTBEAT_SECONDS:
            return self._claim.is_held()
        held = self._claim.renew(progress)
        self._recorded, self._renewed_at = progress, now
        return held

    def _measure(self) -> None:
        """Ask how far a long statement is; who cannot be asked is not asked again."""
        measure = self.measure
        if measure is None:
            return
        try:
            rows_done = measure()
        except (Error, OSError, ValueError) as error:  # a statement or file that is over
            logger.warning("progress_not_measured", error=str(error))
            connection.close()
            self.measure = None
            return
        if self.measure is measure:  # the work may have gone on to the next statement
            self.progress = self.progress._replace(rows_done=rows_done)
