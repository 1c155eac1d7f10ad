"""Receiving a file and applying it: who may, and all of it or nothing, once."""

import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from billing.models import Membership
from jobs import shutdown
from jobs.running import Attempt
from jobs.states import State
from tests.factories import instant, make_account, make_administrator
from tests.jobs.uploads import make_uploader, receive_users, tables_of_uploads, uploaded
from tests.usage.workbooks import workbook
from usage import tasks
from usage.models import Entity, Upload, UploadKind
from usage.receiving import receive_upload
from usage.uploads import stage

USERS = "email,name\nana@acme.example,Ana\nbob@acme.example,Bob\n"

pytestmark = pytest.mark.django_db(transaction=True)


def apply(upload: Upload) -> Upload:
    tasks.apply_upload(str(upload.pk))
    upload.refresh_from_db()
    return upload


def test_a_received_file_is_stored_under_its_id_and_applied_by_a_worker(files_root: Path) -> None:
    upload = receive_users(USERS, account=make_account())
    assert (upload.state, upload.file_name) == (State.QUEUED, "users.csv")
    assert (files_root / "uploads" / str(upload.pk)).read_text() == USERS
    apply(upload)
    assert (upload.state, upload.failure) == (State.SUCCEEDED, "")
    assert (upload.rows, upload.rows_new, upload.rows_changed, upload.rows_unchanged) == (2, 2, 0, 0)
    assert upload.rows_in_error == 0
    assert Entity.objects.count() == 2
    assert not upload.errors_file


def test_a_workbook_is_taken_through_the_form_and_applied_and_a_broken_one_gets_its_verdict(client: Client) -> None:
    account = make_account()
    client.force_login(make_uploader(accounts=(account,)))
    good = workbook(["Email", "Name"], ["ana@acme.example", "Ana"])
    for name, content in (("users.xlsx", good), ("broken.xlsx", good[:200] + good[-200:])):
        file = SimpleUploadedFile(name, content)
        answer = client.post("/admin/usage/upload/add/", {"kind": "users", "account": account.pk, "file": file})
        assert answer.status_code == 302
    upload, broken = (apply(Upload.objects.get(file_name=name)) for name in ("users.xlsx", "broken.xlsx"))
    assert (upload.state, upload.rows_new) == (State.SUCCEEDED, 1)
    assert broken.state == State.FAILED
    assert broken.failure.startswith("The workbook is broken and cannot be read.")
    assert broken.errors_file.read().startswith(b"line,column,value,reason\n1,,,")


def test_with_a_row_in_error_nothing_is_applied_and_every_error_is_in_a_file() -> None:
    upload = apply(receive_users(f"{USERS}nobody,Nobody\n", account=make_account()))
    assert (upload.state, upload.failure) == (State.FAILED, "1 row is in error; nothing was applied.")
    assert (upload.rows, upload.rows_in_error) == (3, 1)
    assert upload.errors_file.read().decode().startswith("line,column,value,reason\n4,email,nobody,")
    assert not Entity.objects.exists()


def test_the_rows_in_error_are_left_out_when_asked_and_still_named() -> None:
    upload = apply(receive_users(f"{USERS}nobody,Nobody\n", account=make_account(), skip_errors=True))
    assert (upload.state, upload.rows_new, upload.rows_in_error) == (State.SUCCEEDED, 2, 1)
    assert b"nobody" in upload.errors_file.read()
    assert Entity.objects.count() == 2


def test_a_file_that_cannot_be_used_fails_with_what_is_wrong_with_it() -> None:
    upload = apply(receive_users("e-mail\nana@acme.example\n", account=make_account()))
    assert upload.state == State.FAILED
    assert upload.failure.startswith("e-mail: The column is unknown;")
    assert upload.failure.endswith("Nothing was applied.")
    assert b"e-mail" in upload.errors_file.read()


def test_no_column_of_a_refused_file_is_a_formula_in_the_file_of_its_errors() -> None:
    upload = apply(receive_users("email,=1+1,-5\nana@acme.example,,\n", account=make_account()))
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
            skip_errors=False,
        )
    assert not Upload.objects.exists()


def test_an_account_is_refused_for_files_that_belong_to_none() -> None:
    with pytest.raises(ValidationError, match="no single account"):
        receive_upload(
            administrator=make_uploader(is_platform_staff=True),
            kind=UploadKind.CHARGES,
            account=make_account(),
            file=uploaded("name,basis\n"),
            skip_errors=False,
        )


def test_a_customer_uploads_into_their_own_account_alone() -> None:
    own, other = make_account(), make_account()
    customer = make_uploader(accounts=(own,))
    for kind, account in [(UploadKind.USERS, other), (UploadKind.USERS, None), (UploadKind.CHARGES, None)]:
        with pytest.raises(PermissionDenied):
            receive_upload(administrator=customer, kind=kind, account=account, file=uploaded(USERS), skip_errors=False)
    assert receive_users(USERS, account=own, administrator=customer).account == own


def test_without_the_permission_nobody_uploads() -> None:
    account = make_account()
    for administrator in (make_administrator(accounts=(account,)), make_administrator(is_platform_staff=True)):
        with pytest.raises(PermissionDenied):
            receive_users(USERS, account=account, administrator=administrator)


def test_the_permission_is_asked_again_by_the_worker() -> None:
    upload = receive_users(USERS, account=make_account())
    Membership.objects.all().delete()
    apply(upload)
    assert (upload.state, Entity.objects.count()) == (State.FAILED, 0)
    assert "may not upload it any more" in upload.failure


def test_an_upload_is_applied_once_however_often_its_message_comes() -> None:
    upload = apply(receive_users(USERS, account=make_account()))
    assert apply(upload).attempt == 1


def steal(upload: Upload) -> None:
    """As if another worker had taken the upload for abandoned."""
    Upload.objects.filter(pk=upload.pk).update(fence=99)


@pytest.mark.parametrize("loss", [steal, Upload.cancel])
def test_what_was_written_before_the_claim_was_lost_is_rolled_back(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive_users(USERS, account=make_account())
    succeed = Attempt.succeed

    def elsewhere() -> None:
        loss(Upload.objects.get())
        connection.close()

    def lose_first(attempt: Attempt[Upload], **result: Any) -> None:
        assert Entity.objects.count() == 2
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        succeed(attempt, **result)

    monkeypatch.setattr(Attempt, "succeed", lose_first)
    apply(upload)
    assert upload.state != State.SUCCEEDED
    assert not Entity.objects.exists()
    assert not tables_of_uploads()


def test_a_cancelled_upload_stops_at_once_while_it_waits() -> None:
    account = make_account()
    upload = receive_users(USERS, account=account)
    ready, release = threading.Event(), threading.Event()

    def in_the_way() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE usage_entity IN ACCESS EXCLUSIVE MODE")
            ready.set()
            release.wait(10)
            cursor.execute("ROLLBACK")
        connection.close()

    def cancel_soon() -> None:
        time.sleep(0.5)
        Upload.objects.get().cancel()
        connection.close()

    threads = [threading.Thread(target=in_the_way), threading.Thread(target=cancel_soon)]
    threads[0].start()
    ready.wait()
    threads[1].start()
    started = time.monotonic()
    apply(upload)
    assert time.monotonic() - started < 3.5
    release.set()
    for thread in threads:
        thread.join()
    assert (upload.state, Entity.objects.count(), tables_of_uploads()) == (State.CANCELLED, 0, [])


def test_an_upload_is_handed_over_when_its_worker_stops(request: pytest.FixtureRequest) -> None:
    upload = receive_users(USERS, account=make_account())
    shutdown.announce()
    request.addfinalizer(shutdown.withdraw)
    apply(upload)
    assert (upload.state, upload.attempt) == (State.QUEUED, 0)
    shutdown.withdraw()
    assert apply(upload).state == State.SUCCEEDED


def test_the_tables_of_a_file_that_somebody_works_with_are_not_collected() -> None:
    account = make_account()
    with stage(UploadKind.USERS, io.BytesIO(USERS.encode()), account, now=instant("2026-11-22T10:00")) as staged:
        staged.check()
        tables = tables_of_uploads()
        worker = threading.Thread(target=collect_elsewhere)
        worker.start()
        worker.join()
        assert tables_of_uploads() == tables != []


def test_nobody_else_on_the_machine_sees_the_files(files_root: Path) -> None:
    upload = apply(receive_users(f"{USERS}nobody,Nobody\n", account=make_account(), skip_errors=True))
    for name in (upload.file.name, upload.errors_file.name):
        path = files_root / str(name)
        assert [place.stat().st_mode & 0o077 for place in (path, path.parent)] == [0, 0], name


def test_files_that_became_no_upload_are_collected_a_day_later(files_root: Path) -> None:
    upload = receive_users(f"{USERS}nobody,Nobody\n", account=make_account(), skip_errors=True)
    apply(upload)
    folder = files_root / "uploads"
    kept = {str(upload.pk), f"{upload.pk}.1.errors.csv", "notes.txt"}
    left_over = {str(Upload().pk), f"{upload.pk}.0.errors.csv", f"{upload.pk}.1.errors.csv.part"}
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
