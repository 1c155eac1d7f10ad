"""Questions whose answer may never come: a thread finds it out, so that who asks waits as long as they like."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

import structlog

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """One that many may ask: they share a thread while it looks for the answer, and the answer while it is fresh.

    So however often it is asked, and however long nothing answers, at most one thread is at it.
    """

    def __init__(self, name: str, find_out: Callable[[], Answer], *, fresh_seconds: float) -> None:
        self.name = name
        self._find_out = find_out
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._answer: Future[Answer] | None = None
        self._answered_at = 0.0

    def ask(self) -> "Future[Answer]":
        """The answer, or the exception that was raised instead, once it is there."""
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
        except Exception as error:  # noqa: BLE001 - the thread's work ends here, and who asked learns of it
            logger.warning("question_not_answered", question=self.name, error=str(error).strip())
            self._answered_at = time.monotonic()
            answer.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            answer.set_result(found)
