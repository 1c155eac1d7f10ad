"""Work in a child process that is killed right before its n-th statement."""

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.waiting import wait_for


def dies_at(moment: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed before its statement (or COPY, or COMMIT) of this number, from 1 on.

    False when the work has fewer of them: then it is done. Returns once the database knows that the process is gone.
    """
    others = _others()  # of threads that other tests left behind
    connection.close()  # otherwise both would use it
    child = os.fork()
    if not child:
        status = 1
        # A browser's loop that runs in this thread gives it another connection; a child, without it, is back at the one
        # from before, which the parent holds on to.
        connection.connection = None
        try:
            _arm(moment)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    _await_its_end(others)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work came to no end"
    return False


def _arm(moment: int) -> None:
    passed = count(1)

    def pass_moment() -> None:
        if next(passed) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(run: Any, *arguments: Any) -> Any:
        pass_moment()
        return run(*arguments)

    def before(method: Callable[..., Any]) -> Callable[..., Any]:
        def do(self: Any, *arguments: Any, **options: Any) -> Any:
            pass_moment()
            return method(self, *arguments, **options)

        return do

    connection.execute_wrappers.append(execute)
    BaseDatabaseWrapper._commit = before(BaseDatabaseWrapper._commit)  # type: ignore[attr-defined]  # in this process
    psycopg.Cursor.copy = before(psycopg.Cursor.copy)  # type: ignore[method-assign]  # alone


def _others() -> set[int]:
    """Return the connections to the database other than our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def _await_its_end(others: set[int]) -> None:
    wait_for(lambda: not _others() - others, what="its connections are gone", pause=0.002)
