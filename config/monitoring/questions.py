"""Questions that may never be answered: a thread finds the answer, so that callers choose how long to wait."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

import structlog

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """A question that many callers share: one thread finds the answer, which is reused while it is fresh.

    However often it is asked, and however long no answer comes, at most one thread is working on it.
    """

    def __init__(self, name: str, find_out: Callable[[], Answer], *, fresh_seconds: float) -> None:
        self.name = name
        self._find_out = find_out
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._answer: Future[Answer] | None = None
        self._answered_at = 0.0

    def ask(self) -> "Future[Answer]":
        """Return a future of the answer, or of the exception raised instead."""
        with self._lock:
            if self._answer is None or self._is_stale(self._answer):
                self._answer = Future()
                threading.Thread(target=self._run, args=(self._answer,), name=self.name, daemon=True).start()
            return self._answer

    def _is_stale(self, answer: "Future[Answer]") -> bool:
        return answer.done() and time.monotonic() - self._answered_at >= self._fresh_seconds

    def _run(self, answer: "Future[Answer]") -> None:
        try:
            found = self._find_out()
        except Exception as error:  # noqa: BLE001 - the thread's work ends here, and the future passes the error on
            logger.warning("question_not_answered", question=self.name, error=str(error).strip())
            self._answered_at = time.monotonic()
            answer.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            answer.set_result(found)
