"""Several things at the same moment, each in a thread with a connection of its own.

`at_once` lets them race. `while_held` gives their worst order, whatever the machine: the second begins when the first
has done everything but commit. Neither waits for a time.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction

from tests.database_activity import is_lock_awaited
from tests.waiting import GUARD_SECONDS, wait_for

Result = TypeVar("Result")
Held = TypeVar("Held")


def on_its_own_connection(work: Callable[[], Result]) -> Callable[[], Result]:
    """Return the same work for another thread, which then leaves no connection behind."""

    def do() -> Result:
        try:
            return work()
        finally:
            connection.close()

    return do


def at_once(works: Iterable[Callable[[], Result]]) -> list[Result]:
    """Do all of it at the same moment, and return the results in order. An exception of one is raised here."""
    works = list(works)
    barrier = threading.Barrier(len(works))

    def begin_together(work: Callable[[], Result]) -> Callable[[], Result]:
        def do() -> Result:
            barrier.wait(GUARD_SECONDS)
            return work()

        return on_its_own_connection(do)

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(begin_together(work)) for work in works]
    return [future.result() for future in futures]


def while_held(held: Callable[[], Held], then: Callable[[], Result]) -> "tuple[Future[Held], Future[Result]]":
    """Do the first but for its commit; begin the second, until it waits or is done; then commit the first."""
    is_written, may_commit = threading.Event(), threading.Event()

    def do_held() -> Held:
        with transaction.atomic():
            result = held()
            is_written.set()
            assert may_commit.wait(GUARD_SECONDS)
        return result

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(on_its_own_connection(do_held))
        wait_for(lambda: is_written.is_set() or first.done(), what="the first has written")
        second = pool.submit(on_its_own_connection(then))
        wait_until_it_waits(second)
        may_commit.set()
    return first, second


def wait_until_it_waits(work: "Future[Result]") -> None:
    """Return once the work waits for a lock, or is done."""
    wait_for(lambda: work.done() or is_lock_awaited(), what="the second waits or is done")
