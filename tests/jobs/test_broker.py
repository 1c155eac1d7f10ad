"""A process leaves a Redis that does not answer alone for five seconds; then one thread tries again."""

import os
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from jobs import broker
from jobs.broker import BrokerAwayError, Circuit
from tests.waiting import GUARD_SECONDS


class AwayError(Exception):
    """The error that a request raises in these tests."""


@pytest.fixture
def circuit() -> Circuit:
    return Circuit()


def fail(circuit: Circuit) -> None:
    with pytest.raises(AwayError), circuit.guarding(AwayError):
        raise AwayError


def is_called(circuit: Circuit) -> bool:
    try:
        with circuit.guarding(AwayError):
            return True
    except BrokerAwayError:
        return False


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that advances the clock, which otherwise stands still, by a number of seconds."""
    now = time.monotonic()

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("jobs.broker.time", SimpleNamespace(monotonic=lambda: now))
    return advance


def test_after_a_failure_redis_is_not_called_for_five_seconds(
    circuit: Circuit, let_pass: Callable[[float], None]
) -> None:
    assert is_called(circuit)
    fail(circuit)
    assert not is_called(circuit)
    let_pass(4.9)
    assert not is_called(circuit)


def test_after_the_pause_one_thread_tries_and_the_others_once_it_succeeds(
    circuit: Circuit, let_pass: Callable[[float], None]
) -> None:
    fail(circuit)
    let_pass(5.1)
    with circuit.guarding(AwayError):
        assert not is_called(circuit)
    assert is_called(circuit)


def test_if_the_thread_that_tries_fails_too_the_pause_begins_again(
    circuit: Circuit, let_pass: Callable[[float], None]
) -> None:
    fail(circuit)
    let_pass(5.1)
    fail(circuit)
    assert not is_called(circuit)


def test_an_answer_that_took_too_long_counts_as_none(circuit: Circuit, let_pass: Callable[[float], None]) -> None:
    with circuit.guarding(AwayError, patience=0.4):
        let_pass(0.5)
    assert not is_called(circuit)


def test_a_fault_of_ones_own_says_nothing_about_the_broker(circuit: Circuit) -> None:
    with pytest.raises(ZeroDivisionError), circuit.guarding(AwayError):
        raise ZeroDivisionError
    assert is_called(circuit)


def test_a_forked_process_does_not_wait_for_a_lock_that_a_thread_of_its_parent_held() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with broker.circuit._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(GUARD_SECONDS)
    child = os.fork()
    if child == 0:
        threading.Timer(GUARD_SECONDS, os._exit, [1]).start()
        os._exit(0 if is_called(broker.circuit) else 2)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
