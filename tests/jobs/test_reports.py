"""Running report jobs: the file, the permission check, downloads, expiry, and left-over files."""

import hashlib
import os
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db import connection as db_connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now

from billing.models import Administrator, Membership, Subscription
from jobs.states import State
from reports import tasks
from reports.engine import write
from reports.models import ReportJob
from reports.orders import run
from reports.orders.downloads import ExpiredError, NotReadyError, open_stored, refuse_unless_there
from tests.factories import instant, make_administrator, make_entity, make_session, make_subscription
from tests.jobs.writing import once_written
from tests.people import permitted_administrator
from tests.report_jobs import expire_lease, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def make(job: ReportJob) -> ReportJob:
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    return job


@pytest.fixture
def subscription() -> Subscription:
    subscription = make_subscription()
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    make_session(entity=ana, started_at=instant("2017-11-22T09:00"), ended_at=instant("2017-11-22T10:00"))
    make_session(entity=ana, started_at=instant("2017-11-23T09:00"), ended_at=None)
    return subscription


def test_the_file_is_stored_under_the_attempts_name_with_its_size_rows_and_hash(
    subscription: Subscription, files_root: Path
) -> None:
    job = make(make_job(subscription=subscription))
    path = files_root / "reports" / f"{job.pk}.1.csv"
    content = path.read_bytes()
    assert content == b"User,Date,Duration\nana@acme.example,2017-11-22,01:00:00:000\n"
    assert (job.state, job.file.name) == (State.SUCCEEDED, f"reports/{job.pk}.1.csv")
    assert (job.file_rows, job.file_bytes) == (1, len(content))
    assert (job.rows_done, job.rows_expected) == (1, 1)  # Although no heartbeat has recorded them.
    assert job.file_sha256 == hashlib.sha256(content).hexdigest()
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0


def test_the_columns_of_the_file_are_recorded_with_name_kind_and_unit(subscription: Subscription) -> None:
    job = make(make_job(subscription=subscription, report_type="concurrent-usage"))
    heading = job.file.read().decode().splitlines()[0]
    assert [column["name"] for column in job.file_columns] == heading.split(",")
    assert job.file_columns[2] == {"name": "Minutes at Peak", "kind": "decimal", "unit": "minutes"}


def test_the_instant_of_the_snapshot_is_the_databases_and_later_changes_are_not_in_the_file(
    subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = write.snapshot_instant
    entity = make_entity(account=subscription.account, identifier="zoe@acme.example")

    def log_in() -> None:
        make_session(entity=entity, started_at=instant("2017-11-22T11:00"), ended_at=instant("2017-11-22T12:00"))
        db_connection.close()

    def with_a_session_afterwards(connection: BaseDatabaseWrapper) -> datetime:
        as_of = read(connection)
        thread = threading.Thread(target=log_in)
        thread.start()
        thread.join()
        return as_of

    monkeypatch.setattr(run, "snapshot_instant", with_a_session_afterwards)
    job = make_job(subscription=subscription)
    with time_machine.travel("2001-01-01T00:00Z"):
        make(job)
    assert job.started_at is not None
    assert job.file_as_of is not None
    assert job.finished_at is not None
    assert job.started_at < job.file_as_of < job.finished_at
    assert b"zoe@acme.example" not in job.file.read()


def test_sessions_still_open_are_cut_as_of_the_day_of_the_order(subscription: Subscription) -> None:
    day = date(2017, 11, 23)
    job = make(make_job(subscription=subscription, requested_on=date(2017, 11, 24), date_from=day, date_through=day))
    assert b"2017-11-23,15:00:00:000" in job.file.read()


@pytest.mark.parametrize("loss", ["membership", "permission", "deactivated"])
def test_a_requester_who_has_lost_access_gets_no_report(
    loss: str, subscription: Subscription, files_root: Path
) -> None:
    job = make_job(subscription=subscription)
    if loss == "membership":
        Membership.objects.all().delete()
    elif loss == "permission":
        job.requested_by.user_permissions.clear()
    else:
        Administrator.objects.update(is_active=False)
    make(job)
    assert job.state == State.FAILED
    assert "no longer have access" in job.failure
    assert not list(files_root.glob("reports/*"))


def test_a_subscription_that_was_cut_short_meanwhile_fails_the_report_with_its_window(
    subscription: Subscription,
) -> None:
    job = make_job(subscription=subscription)
    Subscription.objects.update(ended_on=date(2017, 11, 1))
    assert make(job).state == State.FAILED
    assert "through 2017-11-01" in job.failure


def test_an_attempt_deletes_files_that_the_previous_one_left_behind(
    subscription: Subscription, files_root: Path
) -> None:
    job = make_job(subscription=subscription)
    ReportJob.objects.claim(job.pk)
    folder = files_root / "reports"
    folder.mkdir(parents=True)
    for name in (f"{job.pk}.1.csv", f"{job.pk}.1.csv.part"):
        (folder / name).write_text("half")
    expire_lease(job)
    assert make(job).attempt == 2
    assert [path.name for path in folder.iterdir()] == [f"{job.pk}.2.csv"]


@pytest.mark.parametrize("loss", ["cancelled", "taken over"])
def test_only_the_attempts_own_file_is_deleted_if_its_result_comes_too_late(
    loss: str, subscription: Subscription, files_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(subscription=subscription)

    def lose_it() -> None:
        if loss == "cancelled":
            ReportJob.objects.get().cancel()
        else:
            ReportJob.objects.update(fence=7)
            (files_root / "reports" / f"{job.pk}.7.csv").write_text("the other's")

    once_written(monkeypatch, "csv", lose_it)
    make(job)
    assert job.state == (State.CANCELLED if loss == "cancelled" else State.RUNNING)
    assert [path.name for path in (files_root / "reports").iterdir()] == (
        [] if loss == "cancelled" else [f"{job.pk}.7.csv"]
    )


def test_a_finished_report_is_available_to_permitted_administrators(subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    administrator = job.requested_by
    with pytest.raises(NotReadyError, match="queued"):
        refuse_unless_there(job, administrator=administrator)
    make(job)
    refuse_unless_there(job, administrator=administrator)
    with open_stored(job) as file:
        assert file.read().startswith(b"User,Date,Duration\n")
    for other in (
        make_administrator(accounts=(subscription.account,)),
        permitted_administrator(subscription=make_subscription()),
    ):
        with pytest.raises(PermissionDenied):
            refuse_unless_there(job, administrator=other)


def test_reports_expire_after_the_retention_period(subscription: Subscription, files_root: Path) -> None:
    old, new = make(make_job(subscription=subscription)), make(make_job(subscription=subscription))
    ReportJob.objects.filter(pk=old.pk).update(finished_at=Now() - timedelta(days=30, minutes=1))
    ReportJob.objects.filter(pk=new.pk).update(finished_at=Now() - timedelta(days=29))
    tasks.expire_reports()
    old.refresh_from_db()
    assert (old.state, old.is_expired, old.file_rows) == (State.SUCCEEDED, True, 1)
    with pytest.raises(ExpiredError):
        refuse_unless_there(old, administrator=old.requested_by)
    assert [path.name for path in (files_root / "reports").iterdir()] == [f"{new.pk}.1.csv"]
    assert not new.is_expired


def test_files_that_no_report_and_no_attempt_refers_to_are_deleted(
    subscription: Subscription, files_root: Path
) -> None:
    done, running, gone = (make_job(subscription=subscription) for _ in range(3))
    make(done)
    ReportJob.objects.claim(running.pk)
    gone.cancel()
    folder = files_root / "reports"
    kept = {f"{done.pk}.1.csv", f"{running.pk}.1.csv.part", "somebody's notes.txt"}
    left_over = {f"{done.pk}.2.csv", f"{running.pk}.0.csv", f"{gone.pk}.1.csv.part", f"{ReportJob().pk}.1.csv"}
    for name in kept | left_over:
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    just_now = f"{gone.pk}.2.csv.part"
    (folder / just_now).touch()
    tasks.collect_left_over_files()
    assert {path.name for path in folder.iterdir()} == kept | {just_now}


def test_a_storage_without_local_folders_gets_the_complete_file(subscription: Subscription, settings: Any) -> None:
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": in_memory}
    job = make(make_job(subscription=subscription))
    assert (job.state, job.file.name) == (State.SUCCEEDED, f"reports/{job.pk}.1.csv")
    with open_stored(job) as file:
        assert hashlib.sha256(file.read()).hexdigest() == job.file_sha256
    assert default_storage.listdir("reports")[1] == [f"{job.pk}.1.csv"]
