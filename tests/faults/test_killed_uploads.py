"""A worker that is killed while it applies a file has applied all of it or nothing, and never twice."""

import os
import signal

from django.db import connection

from jobs.states import State
from tests.factories import make_account
from tests.faults.processes import Processes, wait_for
from tests.faults.test_killed_workers import FAST, pool_process
from tests.jobs.uploads import receive_users, tables_of_uploads
from usage import tasks
from usage.models import Entity, Upload

ROWS = 60_000


def test_an_upload_whose_process_is_killed_while_it_writes_is_applied_once(processes: Processes) -> None:
    worker = processes.worker("uploads", **FAST)
    processes.maintenance(**FAST)
    lines = "".join(f"user{number}@acme.example\n" for number in range(ROWS))
    receive_users(f"email\n{lines}", account=make_account())
    wait_for(is_writing, seconds=60, what="rows are written", pause=0.001)
    os.kill(pool_process(worker), signal.SIGKILL)
    assert Entity.objects.count() == 0
    wait_for(lambda: Upload.objects.get().state != State.RUNNING, seconds=60, what="noticed", pause=0.1)
    wait_for(lambda: Upload.objects.get().is_finished, seconds=60, what="applied", pause=0.1)
    upload = Upload.objects.get()
    assert (upload.state, upload.attempt, upload.rows_new) == (State.SUCCEEDED, 2, ROWS)
    assert Entity.objects.count() == ROWS
    assert tables_of_uploads()  # of the first attempt
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def is_writing() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%INSERT INTO %usage_entity%'"
            " AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone() is not None
