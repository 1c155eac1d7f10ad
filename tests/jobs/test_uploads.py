"""Receiving and applying a file: who may do it; all of the file or nothing, and once."""

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from billing.models import Administrator, DataVersion, Membership
from jobs import shutdown
from jobs.running import Attempt
from jobs.states import State
from tests.database_activity import is_lock_awaited
from tests.factories import instant, make_account, make_administrator, make_entity
from tests.people import make_uploader
from tests.uploads import applied, receive_users, tables_of_uploads, taken, uploaded
from tests.waiting import GUARD_SECONDS, guarded, wait_for
from tests.workbooks import workbook
from usage import tasks
from usage.models import Entity, EntityKind, Upload, UploadKind, UploadStatus, UploadStep
from usage.resources.batches import UploadContext
from usage.staging.stage import stage
from usage.staging.staged_tables import drop_abandoned_tables
from usage.uploads import decide
from usage.uploads.receive import receive_upload

USERS = "email,name\nana@acme.example,Ana\nbob@acme.example,Bob\n"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_tables_of_other_tests(transactional_db: None) -> None:
    """Drop the tables of uploads that no longer exist."""
    drop_abandoned_tables()


def counts(upload: Upload) -> tuple[int | None, ...]:
    """Rows, new, changed, unchanged, in error."""
    return (upload.rows, upload.rows_new, upload.rows_changed, upload.rows_unchanged, upload.rows_in_error)


def test_a_received_file_is_stored_checked_and_applied_once_somebody_confirms(files_root: Path) -> None:
    upload = receive_users(USERS, account=make_account())
    assert (upload.status, upload.file_name) == (UploadStatus.WAITING, "users.csv")
    assert (upload.file_bytes, upload.sha256) == (len(USERS), hashlib.sha256(USERS.encode()).hexdigest())
    assert (files_root / "uploads" / str(upload.pk)).read_text() == USERS
    upload = taken(upload)
    assert (upload.status, counts(upload)) == (UploadStatus.READY, (2, 2, 0, 0, 0))
    assert not Entity.objects.exists()
    assert tables_of_uploads()
    decide.confirm(upload, made_by(upload))
    upload = taken(upload)
    assert (upload.status, counts(upload)) == (UploadStatus.APPLIED, (2, 2, 0, 0, 0))
    assert upload.is_applied
    assert set(Entity.objects.values_list("upload_id", flat=True)) == {upload.pk}
    assert Entity.objects.count() == 2
    assert not upload.errors_file
    assert not tables_of_uploads()


def test_a_workbook_is_received_by_the_form_and_applied_and_a_broken_one_is_refused(client: Client) -> None:
    account = make_account()
    client.force_login(make_uploader(accounts=(account,)))
    good = workbook(["Email", "Name"], ["ana@acme.example", "Ana"])
    for name, content in (("users.xlsx", good), ("broken.xlsx", good[:200] + good[-200:])):
        file = SimpleUploadedFile(name, content)
        answer = client.post("/admin/usage/upload/add/", {"kind": "users", "account": account.pk, "file": file})
        assert answer.status_code == 302
    upload, broken = (applied(Upload.objects.get(file_name=name)) for name in ("users.xlsx", "broken.xlsx"))
    assert (upload.status, upload.rows_new) == (UploadStatus.APPLIED, 1)
    assert broken.status == UploadStatus.REFUSED
    assert broken.refusal.startswith("The workbook is broken and cannot be read.")
    assert broken.errors_file.read().startswith(b"line,column,value,reason\n1,,,")


def test_with_a_row_in_error_nothing_is_applied_and_every_error_is_in_a_file() -> None:
    upload = taken(receive_users(f"{USERS}bob.example,Bob\n", account=make_account()))
    assert (upload.status, counts(upload)) == (UploadStatus.READY, (3, 2, 0, 0, 1))
    assert [error["column"] for error in upload.preview["errors"]] == ["email"]
    with pytest.raises(ValidationError, match="Rows are in error"):
        decide.confirm(upload, made_by(upload))
    assert upload.rows_in_error_file.read().decode().startswith('email,name,reason\nbob.example,Bob,"Row 4: email: ')
    assert upload.errors_file.read().decode().startswith("line,column,value,reason\n4,email,bob.example,")
    assert not Entity.objects.exists()


def test_rows_in_error_are_left_out_on_request_and_still_listed() -> None:
    upload = applied(receive_users(f"{USERS}bob.example,Bob\n", account=make_account()), skips_errors=True)
    assert (upload.status, upload.rows_new, upload.rows_in_error) == (UploadStatus.APPLIED, 2, 1)
    assert b"bob.example" in upload.errors_file.read()
    assert Entity.objects.count() == 2


def test_a_file_that_cannot_be_used_fails_with_what_is_wrong_with_it() -> None:
    upload = taken(receive_users("e-mail\nana@acme.example\n", account=make_account()))
    assert upload.status == UploadStatus.REFUSED
    assert upload.refusal.startswith("e-mail: The column is unknown;")
    assert b"e-mail" in upload.errors_file.read()


def test_no_column_of_a_refused_file_is_a_formula_in_the_file_of_its_errors() -> None:
    upload = taken(receive_users("email,=1+1,-5\nana@acme.example,,\n", account=make_account()))
    rows = upload.errors_file.read().decode().splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == ["'=1+1", "-5"]


@pytest.mark.parametrize(("content", "says"), [(b"PK\x03\x04rest", "its end is missing"), (b"", "empty")])
def test_what_is_no_table_is_refused_at_once(content: bytes, says: str) -> None:
    account = make_account()
    with pytest.raises(ValidationError, match=says):
        receive_upload(
            administrator=make_uploader(accounts=(account,)),
            kind=UploadKind.USERS,
            account=account,
            file=uploaded(content),
        )
    assert not Upload.objects.exists()


def test_an_account_is_refused_for_files_that_belong_to_none() -> None:
    with pytest.raises(ValidationError, match="no single account"):
        receive_upload(
            administrator=make_uploader(is_platform_staff=True),
            kind=UploadKind.CHARGES,
            account=make_account(),
            file=uploaded("name,basis\n"),
        )


def test_a_customer_uploads_into_their_own_account_alone() -> None:
    own, other = make_account(), make_account()
    customer = make_uploader(accounts=(own,))
    for kind, account in [(UploadKind.USERS, other), (UploadKind.USERS, None), (UploadKind.CHARGES, None)]:
        with pytest.raises(PermissionDenied):
            receive_upload(administrator=customer, kind=kind, account=account, file=uploaded(USERS))
    assert receive_users(USERS, account=own, administrator=customer).account == own


def test_uploading_requires_the_permission() -> None:
    account = make_account()
    for administrator in (make_administrator(accounts=(account,)), make_administrator(is_platform_staff=True)):
        with pytest.raises(PermissionDenied):
            receive_users(USERS, account=account, administrator=administrator)


def test_the_worker_checks_the_permission_again() -> None:
    upload = receive_users(USERS, account=make_account())
    upload = taken(upload)
    decide.confirm(upload, made_by(upload))
    Membership.objects.all().delete()
    upload = taken(upload)
    assert (upload.status, Entity.objects.count()) == (UploadStatus.NOT_APPLIED, 0)
    assert "is no longer allowed to upload this" in step_of(upload).failure


def test_an_upload_is_applied_once_however_often_its_message_comes() -> None:
    upload = applied(receive_users(USERS, account=make_account()))
    assert step_of(taken(upload)).attempt == 1


def made_by(upload: Upload) -> Administrator:
    """Return the administrator who uploaded it."""
    assert upload.uploaded_by
    return upload.uploaded_by


def step_of(upload: Upload) -> UploadStep:
    """Return the latest step of the upload."""
    assert upload.latest_step
    return upload.latest_step


def confirmed(text: str = USERS) -> Upload:
    """Return a checked upload that waits to be applied."""
    upload = taken(receive_users(text, account=make_account()))
    decide.confirm(upload, made_by(upload))
    return upload


def steal(step: UploadStep) -> None:
    """As if another worker had released the upload as abandoned."""
    UploadStep.objects.filter(pk=step.pk).update(fence=99)


@pytest.mark.parametrize("loss", [steal, UploadStep.cancel])
def test_what_was_written_before_the_claim_was_lost_is_rolled_back(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = confirmed()
    succeed = Attempt.succeed

    def elsewhere() -> None:
        loss(UploadStep.objects.get(step="apply"))
        connection.close()

    def lose_first(attempt: Attempt[UploadStep], **result: Any) -> None:
        assert Entity.objects.count() == 2
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        succeed(attempt, **result)

    monkeypatch.setattr(Attempt, "succeed", lose_first)
    upload = taken(upload)
    assert not upload.is_applied
    assert not Entity.objects.exists()


def test_a_cancelled_upload_stops_while_it_waits() -> None:
    upload = confirmed()
    ready, release = threading.Event(), threading.Event()

    def in_the_way() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE usage_entity IN ACCESS EXCLUSIVE MODE")
            ready.set()
            release.wait()
            cursor.execute("ROLLBACK")
        connection.close()

    def cancel_when_it_waits() -> None:
        try:
            wait_for(lambda: is_lock_awaited(kind="relation"), what="the upload waits for the table")
            decide.stop(upload, made_by(upload))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        threads.submit(in_the_way)
        try:
            assert ready.wait(GUARD_SECONDS)
            cancelling = threads.submit(cancel_when_it_waits)
            with guarded("a cancelled upload stops waiting"):
                upload = taken(upload)
            cancelling.result()
        finally:
            release.set()
    assert (step_of(upload).state, upload.status) == (State.CANCELLED, UploadStatus.READY)
    assert not Entity.objects.exists()


def test_an_upload_is_released_when_its_worker_stops(request: pytest.FixtureRequest) -> None:
    upload = confirmed()
    shutdown.request()
    request.addfinalizer(shutdown.forget)
    upload = taken(upload)
    assert (upload.status, step_of(upload).attempt) == (UploadStatus.CONFIRMED, 0)
    shutdown.forget()
    assert taken(upload).status == UploadStatus.APPLIED


def test_the_tables_of_a_file_that_somebody_works_with_are_not_collected() -> None:
    account = make_account()
    tasks.collect_left_overs()  # of other tests
    context = UploadContext(UploadKind.USERS, account, now=instant("2026-11-22T10:00"))
    with stage(io.BytesIO(USERS.encode()), context) as staged:
        staged.check()
        tables = tables_of_uploads()
        worker = threading.Thread(target=collect_elsewhere)
        worker.start()
        worker.join()
        assert tables_of_uploads() == tables != []


def test_no_other_account_of_the_machine_sees_the_files(files_root: Path) -> None:
    upload = taken(receive_users(f"{USERS}bob.example,Bob\n", account=make_account()))
    for name in (upload.file.name, upload.errors_file.name, upload.rows_in_error_file.name):
        path = files_root / str(name)
        assert [place.stat().st_mode & 0o077 for place in (path, path.parent)] == [0, 0], name


def test_files_that_became_no_upload_are_collected_a_day_later(files_root: Path) -> None:
    upload = taken(receive_users(f"{USERS}bob.example,Bob\n", account=make_account()))
    folder = files_root / "uploads"
    attempt = f"{upload.pk}.{upload.latest_step_id}"
    kept = {str(upload.pk), f"{attempt}.1.errors.csv", f"{attempt}.1.rows.csv", "notes.txt"}
    left_over = {str(Upload().pk), f"{attempt}.0.errors.csv", f"{attempt}.1.errors.csv.part"}
    for name in kept | left_over:
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    just_now = str(Upload().pk)
    (folder / just_now).touch()
    tasks.collect_left_overs()
    assert {path.name for path in folder.iterdir()} == kept | {just_now}


def collect_elsewhere() -> None:
    tasks.collect_left_overs()
    connection.close()


def test_the_same_file_again_is_known_by_its_hash_as_long_as_nothing_has_changed() -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    first = applied(receive_users(USERS, account=account, administrator=uploader))
    again = taken(receive_users(USERS, account=account, administrator=uploader))
    assert (again.status, counts(again), again.staging_table) == (UploadStatus.READY, (2, 0, 0, 2, 0), "")
    assert Upload.objects.same_file(again).get() == first
    with pytest.raises(ValidationError, match="nothing to apply"):
        decide.confirm(again, uploader)
    applied(receive_users("email,name\nana@acme.example,Anna\n", account=account, administrator=uploader))
    assert counts(taken(receive_users(USERS, account=account, administrator=uploader))) == (2, 0, 1, 1, 0)


def test_what_has_changed_since_the_check_is_looked_at_again() -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    early = taken(receive_users(USERS, account=account, administrator=uploader))
    applied(receive_users("email,name\nana@acme.example,Anna\n", account=account, administrator=uploader))
    decide.confirm(early, uploader)
    assert counts(taken(early)) == (2, 1, 1, 0, 0)
    assert Entity.objects.get(identifier="ana@acme.example").name == "Ana"


def test_rows_that_are_in_error_by_now_are_shown_before_anything_is_applied() -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    upload = taken(receive_users(USERS, account=account, administrator=uploader))
    make_entity(account=account, identifier="ana@acme.example", kind=EntityKind.DEVICE)
    DataVersion.objects.bump(account.pk)
    decide.confirm(upload, uploader)
    upload = taken(upload)
    assert (upload.status, counts(upload)) == (UploadStatus.NOT_APPLIED, (2, 1, 0, 0, 1))
    assert step_of(upload).failure == "1 row is in error; nothing was applied."
    assert upload.preview["errors"][0]["reason"] == "The account has a device with this identifier."
    assert Entity.objects.count() == 1
    decide.confirm(upload, uploader, skips_errors=True)
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.count() == 2


def test_rows_that_a_crash_of_the_database_took_are_read_from_the_file_again() -> None:
    upload = confirmed()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in tables_of_uploads()))
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.count() == 2


def test_rows_that_were_let_go_of_after_a_day_are_read_from_the_file_again() -> None:
    upload = confirmed()
    Upload.objects.update(checked_at=instant("2026-01-01T00:00"))
    UploadStep.objects.filter(step="apply").update(state=State.CANCELLED, finished_at=instant("2026-01-01T00:00"))
    tasks.collect_left_overs()
    assert not tables_of_uploads()
    decide.confirm(upload, made_by(upload))
    assert taken(upload).status == UploadStatus.APPLIED


def test_a_discarded_upload_is_over() -> None:
    upload = taken(receive_users(USERS, account=make_account()))
    decide.discard(upload, made_by(upload))
    upload.refresh_from_db()
    assert (upload.status, upload.discarded_by) == (UploadStatus.DISCARDED, made_by(upload))
    with pytest.raises(ValidationError, match="the upload is discarded"):
        decide.confirm(upload, made_by(upload))
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def test_after_its_time_the_file_goes_and_the_history_stays(settings: Any, files_root: Path) -> None:
    upload = applied(receive_users(f"{USERS}bob.example,Bob\n", account=make_account()), skips_errors=True)
    waiting = taken(receive_users(USERS, account=make_account()))
    tasks.expire_uploads()
    assert list((files_root / "uploads").iterdir())
    Upload.objects.update(uploaded_at=instant("2026-01-01T00:00"))
    tasks.expire_uploads()
    assert not list((files_root / "uploads").iterdir())
    for one in (upload, waiting):
        one.refresh_from_db()
    assert (upload.status, upload.file.name, counts(upload)) == (UploadStatus.APPLIED, "", (3, 2, 0, 0, 1))
    assert waiting.status == UploadStatus.DISCARDED


def test_an_upload_with_notices_keeps_them_as_a_file_and_more_of_them_are_shown_before_it_is_applied() -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    upload = taken(receive_users("email,name\nana@acme.example,NULL\n", account=account, administrator=uploader))
    assert (upload.status, upload.notices) == (UploadStatus.READY, 1)
    assert upload.notices_file.read().startswith(b"line,column,value,reason\n2,name,NULL,")
    assert [notice["line"] for notice in upload.preview["notices"]] == [2]
    assert [group["count"] for group in upload.preview["notice_groups"]] == [1]
    Upload.objects.filter(pk=upload.pk).update(notices=0)
    DataVersion.objects.bump(account.pk)
    decide.confirm(upload, uploader)
    upload = taken(upload)
    assert (upload.status, upload.notices, Entity.objects.count()) == (UploadStatus.NOT_APPLIED, 1, 0)
    assert upload.latest_step is not None
    assert upload.latest_step.failure == "The check now finds 1 notice; nothing was applied."
    decide.confirm(upload, uploader)
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.get().name == "NULL"


def test_who_leaves_out_rows_in_error_leaves_out_no_more_than_were_shown() -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    upload = taken(receive_users(f"{USERS}bob.example,Bob\n", account=account, administrator=uploader))
    make_entity(account=account, identifier="ana@acme.example", kind=EntityKind.DEVICE)
    DataVersion.objects.bump(account.pk)
    decide.confirm(upload, uploader, skips_errors=True)
    upload = taken(upload)
    assert (upload.status, counts(upload)) == (UploadStatus.NOT_APPLIED, (3, 1, 0, 0, 2))
    assert Entity.objects.count() == 1
    decide.confirm(upload, uploader, skips_errors=True)
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.count() == 2
