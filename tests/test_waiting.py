"""The guards of waiting tests: errors after generous time limits."""

import signal
import threading

import pytest

from tests.waiting import guarded, wait_for


def test_waiting_returns_what_was_found() -> None:
    found = iter([0, "", [], "it"])
    assert wait_for(lambda: next(found), what="it is found", pause=0) == "it"


def test_waiting_for_what_never_happens_fails_and_names_it() -> None:
    with pytest.raises(AssertionError, match="the sky falls"):
        wait_for(lambda: False, what="the sky falls", guard=0)


def test_work_that_never_ends_fails_past_every_handler_of_errors() -> None:
    before = signal.getsignal(signal.SIGALRM)

    def wait() -> None:
        with guarded("the wait ends", guard=0.01):
            try:
                threading.Event().wait()
            except Exception:  # noqa: BLE001 - as in the product, around a job's work
                threading.Event().wait()

    with pytest.raises(pytest.fail.Exception, match="the wait ends"):
        wait()
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
