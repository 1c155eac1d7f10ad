"""A worker that is killed while it applies a file has applied all or nothing of it, and never twice."""

import os
import signal

import pytest

from billing.models import DataVersion
from jobs.states import UNFINISHED, State
from tests.factories import make_account, make_entity
from tests.faults.dying import dies_at
from tests.faults.slow_reports import pool_process
from tests.faults.slow_uploads import ROWS, held_while_writing, is_writing
from tests.people import make_uploader
from tests.processes import FAST, Processes
from tests.report_jobs import expire_lease
from tests.uploads import receive_users, tables_of_uploads, taken
from tests.waiting import wait_for
from usage import tasks
from usage.models import Entity, EntityKind, Upload, UploadStatus, UploadStep
from usage.uploads import decide


def test_an_upload_whose_process_is_killed_while_writing_is_applied_once(processes: Processes) -> None:
    lines = "".join(f"user{number}@acme.example\n" for number in range(ROWS))
    account = make_account()
    upload = taken(receive_users(f"email\n{lines}", account=account))
    worker = processes.worker("uploads", **FAST)
    processes.maintenance(**FAST)
    assert upload.uploaded_by
    with held_while_writing(account):
        step = decide.confirm(upload, upload.uploaded_by)
        wait_for(is_writing, what="rows are written")
        os.kill(pool_process(worker), signal.SIGKILL)
        assert Entity.objects.count() == 0
        expire_lease(step)
    wait_for(lambda: state_of(step) != State.RUNNING, what="noticed", pause=0.1)
    wait_for(lambda: state_of(step) not in UNFINISHED, what="applied", pause=0.1)
    step.refresh_from_db()
    assert (step.state, step.attempt, step.upload.rows_new) == (State.SUCCEEDED, 2, ROWS)
    assert Entity.objects.count() == ROWS
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def state_of(step: UploadStep) -> str:
    return UploadStep.objects.get(pk=step.pk).state


GOOD = "email,name\nana@acme.example,Ana\nbob@acme.example,Bob\n"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files_root")
def test_a_worker_killed_at_any_statement_of_a_step_leaves_all_or_nothing() -> None:
    tasks.collect_left_overs()
    account = make_account()
    make_entity(account=account, identifier="bob@acme.example")  # whose row is changed
    staff = make_uploader(is_platform_staff=True)  # the row is the platform's
    upload = receive_users(f"{GOOD}bob.example,Bob\n", account=account, administrator=staff)
    assert killed_at_every_moment(upload) > 20
    upload.refresh_from_db()
    assert (upload.status, upload.rows_in_error) == (UploadStatus.READY, 1)
    assert upload.uploaded_by
    decide.confirm(upload, upload.uploaded_by, skips_errors=True)
    upload.refresh_from_db()
    assert killed_at_every_moment(upload) > 20
    upload.refresh_from_db()
    assert (upload.status, upload.rows_new, upload.rows_changed) == (UploadStatus.APPLIED, 1, 1)
    assert upload.changes.count() == 1
    decide.undo(upload, upload.uploaded_by)
    upload.refresh_from_db()
    assert killed_at_every_moment(upload, ends_as=UploadStatus.UNDONE) > 20
    assert [(one.identifier, one.name) for one in Entity.objects.all()] == [("bob@acme.example", "")]
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def killed_at_every_moment(upload: Upload, *, ends_as: UploadStatus = UploadStatus.APPLIED) -> int:
    """Let workers run the latest step, each killed one statement later than the last; return how many were killed."""
    step = str(upload.latest_step_id)
    moment = 1
    while dies_at(moment, lambda: tasks.take_step(step)):
        upload = Upload.objects.select_related("latest_step").get(pk=upload.pk)
        written = Entity.objects.filter(upload_id=upload.pk).count()
        is_done = upload.status == ends_as
        assert written == (2 if is_done == (ends_as == UploadStatus.APPLIED) else 0), moment
        UploadStep.objects.filter(pk=step, state=State.RUNNING).update(state=State.QUEUED, attempt=0, lease_until=None)
        moment += 1
    return moment - 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files_root")
def test_a_worker_killed_at_any_statement_skips_only_the_rows_that_were_shown() -> None:
    tasks.collect_left_overs()
    account = make_account()
    upload = taken(receive_users(f"{GOOD}bob.example,Bob\n", account=account))
    make_entity(account=account, identifier="ana@acme.example", kind=EntityKind.DEVICE)  # so that one more is in error
    DataVersion.objects.bump(account.pk)
    assert upload.uploaded_by
    step = decide.confirm(upload, upload.uploaded_by, skips_errors=True)
    moment = 1
    while dies_at(moment, lambda: tasks.take_step(str(step.pk))):
        upload.refresh_from_db()
        is_over = state_of(step) == State.FAILED
        assert upload.rows_in_error == (2 if is_over else 1), moment
        UploadStep.objects.filter(pk=step.pk, state=State.RUNNING).update(
            state=State.QUEUED, attempt=0, lease_until=None
        )
        moment += 1
    assert moment > 20
    upload = Upload.objects.select_related("latest_step").get(pk=upload.pk)
    assert (upload.status, upload.rows_in_error) == (UploadStatus.NOT_APPLIED, 2)
    assert not Entity.objects.filter(upload_id=upload.pk).exists()
