"""A worker that is killed while it applies a file has applied all of it or nothing, and never twice."""

import os
import signal

from django.db import connection

from jobs.states import UNFINISHED, State
from tests.factories import make_account
from tests.faults.processes import Processes, wait_for
from tests.faults.test_killed_workers import FAST, pool_process
from tests.jobs.uploads import receive_users, tables_of_uploads, taken
from usage import deciding, tasks
from usage.models import Entity, UploadStep

ROWS = 60_000


def test_an_upload_whose_process_is_killed_while_it_writes_is_applied_once(processes: Processes) -> None:
    lines = "".join(f"user{number}@acme.example\n" for number in range(ROWS))
    upload = taken(receive_users(f"email\n{lines}", account=make_account()))
    worker = processes.worker("uploads", **FAST)
    processes.maintenance(**FAST)
    assert upload.uploaded_by
    step = deciding.confirm(upload, upload.uploaded_by)
    wait_for(is_writing, seconds=60, what="rows are written", pause=0.001)
    os.kill(pool_process(worker), signal.SIGKILL)
    assert Entity.objects.count() == 0
    wait_for(lambda: state_of(step) != State.RUNNING, seconds=60, what="noticed", pause=0.1)
    wait_for(lambda: state_of(step) not in UNFINISHED, seconds=60, what="applied", pause=0.1)
    step.refresh_from_db()
    assert (step.state, step.attempt, step.upload.rows_new) == (State.SUCCEEDED, 2, ROWS)
    assert Entity.objects.count() == ROWS
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def state_of(step: UploadStep) -> str:
    return UploadStep.objects.get(pk=step.pk).state


def is_writing() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%INSERT INTO %usage_entity%'"
            " AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone() is not None
