"""Files in an S3-compatible storage: whole or not at all, in bounded memory, read by range, and collected."""

import hashlib
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.utils import timezone

from billing.models import Subscription
from jobs import files
from jobs.object_files import StorageError
from jobs.object_storage import PART_BYTES, ObjectStorage
from jobs.running import Attempt, run
from jobs.states import State
from reports import tasks
from reports.models import ReportJob
from reports.orders.downloads import ExpiredError, refuse_unless_there
from reports.orders.file_responses import file_response
from tests.factories import instant, make_account, make_entity, make_session, make_subscription
from tests.jobs.objects import BUCKET, KEY, SECRET, ObjectServer
from tests.people import make_uploader
from tests.processes import free_port
from tests.report_jobs import make_job
from tests.uploads import applied, receive_users, taken, uploaded
from tests.waiting import wait_for
from tests.workbooks import workbook
from usage.models import Upload, UploadKind, UploadStatus
from usage.uploads import retention
from usage.uploads.receive import receive_upload

pytestmark = pytest.mark.processes
with_jobs = pytest.mark.django_db(transaction=True)

BLOCK = os.urandom(1 << 20)
BLOCKS = 2 * PART_BYTES // len(BLOCK) + 5
"""Two parts and something."""


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with tempfile.TemporaryDirectory(prefix="td-", dir="/tmp") as folder:  # the path of a socket must be short
        server = ObjectServer(Path(folder))
        try:
            wait_for(server.listens, what="the object storage listens")
            server.bucket.create()
            yield server
        finally:
            server.end()


@pytest.fixture(autouse=True)
def storage(server: ObjectServer, settings: Any) -> ObjectStorage:
    """Return the default storage of the test, which is empty."""
    settings.STORAGES = {**settings.STORAGES, "default": server.storage()}
    default_storage._bucket = server.bucket  # type: ignore[attr-defined]  # a new one for each test would take time
    return cast("ObjectStorage", default_storage)


@pytest.fixture
def subscription() -> Subscription:
    subscription = make_subscription()
    for name in ("ana", "bob", "zoë"):
        entity = make_entity(account=subscription.account, identifier=f"{name}@acme.example")
        make_session(entity=entity, started_at=instant("2017-11-22T09:00"), ended_at=instant("2017-11-22T10:00"))
    return subscription


def stored() -> list[str]:
    return default_storage.listdir("reports")[1]


def ask(job: ReportJob, **headers: str) -> HttpResponseBase:
    return file_response(RequestFactory().get("/", headers=headers), job, administrator=job.requested_by)


def body(answer: HttpResponseBase) -> bytes:
    content = b"".join(cast("Iterator[bytes]", answer))
    answer._resource_closers.clear()  # type: ignore[attr-defined]  # the connection is the test's
    return content


def work(end: Callable[[Attempt[ReportJob]], object], *, blocks: int = BLOCKS) -> Callable[[Attempt[ReportJob]], None]:
    """Write a large file, and act when all but its last part is written."""

    def attempt_it(attempt: Attempt[ReportJob]) -> None:
        with files.storing(attempt.job.file_name(attempt.job.fence)) as target:
            for _ in range(blocks):
                target.write(BLOCK)
            end(attempt)
            target.write(b"the end")

    return attempt_it


WRITER = """
import os
from pathlib import Path
from django.core.files.storage import default_storage
from jobs import files

def memory():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

block = os.urandom(1 << 20)
default_storage.exists("anything")
before = memory()
with files.storing("reports/large") as target:
    for _ in range(24):
        target.write(block)
print(default_storage.size("reports/large"), memory() - before)
"""


def test_variables_of_the_environment_name_the_bucket_and_a_process_grows_by_little(server: ObjectServer) -> None:
    variables = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "postgres://stranger@localhost/nothing",
        "REDIS_URL": "redis://localhost:1/0",
        "SECRET_KEY": "only-for-tests",
        "S3_BUCKET": BUCKET,
        "S3_FOLDER": "tallydesk",
        "S3_ENDPOINT_URL": server.url,
        "S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    answer = subprocess.run(
        [sys.executable, "-c", WRITER],
        env={**os.environ, **variables},
        cwd=django_settings.BASE_DIR,
        capture_output=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr.decode()
    size, growth = (int(word) for word in answer.stdout.split())
    assert ObjectStorage(**server.storage(location="tallydesk")["OPTIONS"]).size("reports/large") == size == 24 << 20
    assert growth < 20 << 20


@pytest.mark.parametrize("format_slug", ["csv", "xlsx", "parquet"])
@with_jobs
def test_a_report_is_stored_and_handed_out_whole_and_in_part(subscription: Subscription, format_slug: str) -> None:
    job = make_job(subscription=subscription, format=format_slug)
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    assert (job.state, stored()) == (State.SUCCEEDED, [f"{job.pk}.1.{format_slug}"])
    whole = body(ask(job))
    assert hashlib.sha256(whole).hexdigest() == job.file_sha256
    assert len(whole) == job.file_bytes
    part = ask(job, Range="bytes=20-49")
    assert (part.status_code, part["Content-Range"]) == (206, f"bytes 20-49/{len(whole)}")
    assert body(part) == whole[20:50]
    assert body(ask(job, Range="bytes=-7")) == whole[-7:]


def test_a_file_of_many_parts_goes_up_and_comes_down_in_bounded_memory() -> None:
    with default_storage.open(default_storage.save("first", ContentFile(b"x"))) as first:
        first.read()  # the library has loaded its modules
    written, read = hashlib.sha256(), hashlib.sha256()
    tracemalloc.start()
    with files.storing("reports/large") as target:
        for _ in range(32):
            written.update(BLOCK)
            target.write(BLOCK)
    assert default_storage.size("reports/large") == 32 * len(BLOCK)
    going_up = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    with default_storage.open("reports/large") as file:
        while block := file.read(1 << 16):
            read.update(block)
        assert (file.seek(-5, os.SEEK_END), file.read()) == (32 * len(BLOCK) - 5, BLOCK[-5:])
        assert (file.seek(len(BLOCK) - 2), file.read(4)) == (len(BLOCK) - 2, BLOCK[-2:] + BLOCK[:2])
    coming_down = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.digest() == written.digest()
    assert going_up < 2 * PART_BYTES + (4 << 20)
    assert coming_down < 4 << 20


def test_a_file_is_there_once_it_is_complete_and_not_before() -> None:
    with files.storing("reports/large") as target:
        for _ in range(BLOCKS):
            target.write(BLOCK)
        assert stored() == ["large.part"]
        with pytest.raises(FileNotFoundError):
            default_storage.open("reports/large")
    assert stored() == ["large"]


@pytest.mark.parametrize("blocks", [0, BLOCKS])
@with_jobs
def test_an_attempt_that_fails_leaves_neither_file_nor_unfinished_upload(blocks: int) -> None:
    job = make_job()

    def fail(attempt: Attempt[ReportJob]) -> None:
        raise ZeroDivisionError

    run(ReportJob, job.pk, work(fail, blocks=blocks))
    job.refresh_from_db()
    assert (job.state, stored()) == (State.FAILED, [])


@with_jobs
def test_an_attempt_that_is_cancelled_leaves_neither_file_nor_unfinished_upload(settings: Any) -> None:
    settings.JOB_HEARTBEAT_SECONDS = 0.1
    job = make_job()
    seen = list[list[str]]()

    def cancel(attempt: Attempt[ReportJob]) -> None:
        seen.append(stored())
        ReportJob.objects.get(pk=job.pk).cancel()
        wait_for(lambda: attempt.stop_reason, what="the attempt notices it")
        attempt.report_rows(1)

    run(ReportJob, job.pk, work(cancel))
    job.refresh_from_db()
    assert seen == [[f"{job.pk}.1.csv.part"]]
    assert (job.state, stored()) == (State.CANCELLED, [])


@with_jobs
def test_an_attempt_whose_process_is_to_end_leaves_neither_and_hands_the_job_over() -> None:
    job = make_job()

    def end(attempt: Attempt[ReportJob]) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        run(ReportJob, job.pk, work(end))
    job.refresh_from_db()
    assert (job.state, stored()) == (State.QUEUED, [])


@pytest.mark.parametrize("trouble", ["unreachable", "refusing", "misnamed"])
@with_jobs
def test_a_storage_that_is_away_or_refuses_puts_the_job_back(
    trouble: str, subscription: Subscription, server: ObjectServer, settings: Any
) -> None:
    well = settings.STORAGES
    options = {
        "unreachable": {"endpoint_url": f"http://127.0.0.1:{free_port()}"},
        "refusing": {"secret_key": "another"},
        "misnamed": {"bucket_name": "no bucket's name"},
    }[trouble]
    settings.STORAGES = {**well, "default": server.storage(**options)}
    job = make_job(subscription=subscription)
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 1)
    settings.STORAGES = well
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempt, stored()) == (State.SUCCEEDED, 2, [f"{job.pk}.{job.fence}.csv"])


def test_a_storage_that_goes_away_while_a_file_is_written_ends_the_writing(
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_away(**_named: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://objects.internal")

    monkeypatch.setattr(storage.client, "upload_part", go_away)
    written = list[int]()

    def write() -> None:
        with files.storing("reports/large") as target:
            written.extend(target.write(BLOCK) for _ in range(100))

    with pytest.raises(StorageError, match="Could not connect"):
        write()
    assert sum(written) < 4 * PART_BYTES
    assert stored() == []


@with_jobs
def test_a_file_that_is_missing_has_expired_and_one_in_a_storage_that_is_away_has_not(
    server: ObjectServer, subscription: Subscription, settings: Any
) -> None:
    job = make_job(subscription=subscription)
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    well = settings.STORAGES
    settings.STORAGES = {**well, "default": server.storage(endpoint_url=f"http://127.0.0.1:{free_port()}")}
    with pytest.raises(StorageError):
        ask(ReportJob.objects.get(pk=job.pk))
    settings.STORAGES = well
    default_storage.delete(str(job.file.name))
    with pytest.raises(ExpiredError):
        ask(ReportJob.objects.get(pk=job.pk))


@with_jobs
def test_what_killed_workers_left_there_is_collected(
    storage: ObjectStorage, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, running, gone = (make_job(subscription=subscription) for _ in range(3))
    tasks.generate_report(str(done.pk))
    ReportJob.objects.claim(running.pk)
    gone.cancel()
    kept = {f"{done.pk}.1.csv", f"{running.pk}.1.csv.part", "somebody's notes.txt"}
    for name in ("somebody's notes.txt", f"{done.pk}.2.csv", f"{gone.pk}.1.csv.gz"):
        storage.save(f"reports/{name}", ContentFile(b"half"))
    for unfinished in (f"{running.pk}.1.csv", f"{gone.pk}.1.csv", f"{gone.pk}.1.csv"):
        storage.client.create_multipart_upload(**storage.address(f"reports/{unfinished}"))
    tasks.collect_left_over_files()
    assert len(set(stored())) == 6  # all of it is too young
    monkeypatch.setattr(tasks, "GRACE", timedelta(seconds=-5))
    tasks.collect_left_over_files()
    assert set(stored()) == kept


def test_a_file_in_use_is_as_old_as_it_is(storage: ObjectStorage) -> None:
    storage.save("reports/a", ContentFile(b"a"))
    storage.client.create_multipart_upload(**storage.address("reports/b"))
    for name in ("reports/a", "reports/b.part"):
        assert abs(timezone.now() - storage.get_modified_time(name)) < timedelta(hours=1)
    for name in ("reports/b", "reports/a.part"):
        with pytest.raises(FileNotFoundError):
            storage.get_modified_time(name)


@with_jobs
def test_expired_reports_are_deleted_there(subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    tasks.generate_report(str(job.pk))
    ReportJob.objects.update(finished_at=Now() - timedelta(days=31))
    tasks.expire_reports()
    job.refresh_from_db()
    assert stored() == []
    with pytest.raises(ExpiredError):
        refuse_unless_there(job, administrator=job.requested_by)


@with_jobs
def test_an_upload_is_checked_from_there_applied_and_deleted_with_its_errors() -> None:
    upload = taken(receive_users("email,name\nana@acme.example,Ana\nbob.example,X\n", account=make_account()))
    assert (upload.status, upload.rows, upload.rows_in_error) == (UploadStatus.READY, 2, 1)
    assert len(default_storage.listdir("uploads")[1]) == 3
    assert b"bob.example" in upload.errors_file.read()
    Upload.objects.update(uploaded_at=Now() - timedelta(days=91))
    assert retention.expire_uploads() == 1
    assert default_storage.listdir("uploads")[1] == []


@with_jobs
def test_a_workbook_is_read_from_there_by_the_process_that_reads_workbooks() -> None:
    account = make_account()
    content = workbook(["email", "name"], ["ana@acme.example", "Ana"])
    upload = receive_upload(
        administrator=make_uploader(accounts=(account,)),
        kind=UploadKind.USERS,
        account=account,
        file=uploaded(content, name="users.xlsx"),
    )
    assert applied(upload).status == UploadStatus.APPLIED


def test_a_stored_file_can_be_opened_again(storage: ObjectStorage) -> None:
    storage.save("file", ContentFile(b"content"))
    with storage.open("file") as file:
        assert (file.size, file.read()) == (7, b"content")
        assert (file.open().read(), file.read()) == (b"content", b"")
    assert file.closed
    assert file.open().read(3) == b"con"
    file.close()


class TornConnection:
    """Return the rest of an answer after the storage has stopped responding."""

    def read(self, _most: int) -> bytes:
        raise ReadTimeoutError(endpoint_url="http://objects.example")

    def close(self) -> None:
        pass


def test_reading_on_after_an_error_sends_a_new_request(storage: ObjectStorage) -> None:
    storage.save("file", ContentFile(b"content"))
    with storage.open("file") as file:
        unbuffered: Any = file.file.raw
        start = unbuffered.read(3)
        unbuffered._answer = TornConnection()
        with pytest.raises(StorageError, match="Read timeout"):
            unbuffered.read(3)
        assert start + unbuffered.read() == b"content"
