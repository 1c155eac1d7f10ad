"""Responses with a report's file: whole, in part, or not modified; from a folder and from remote storage."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from billing.models import Administrator
from jobs.states import State
from reports.models import ReportJob
from reports.orders import file_responses
from reports.orders.downloads import ExpiredError
from reports.orders.file_responses import PreconditionFailedError, UnsatisfiableRangeError, file_response
from tests.factories import make_administrator, make_subscription
from tests.people import permitted_administrator
from tests.report_jobs import make_job

pytestmark = pytest.mark.django_db

CONTENT = b"User,Date,Duration\n" + bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ETAG = f'"{SHA256}"'
MADE_AT = datetime(2017, 11, 24, 10, 4, 5, 678000, tzinfo=UTC)
MODIFIED = "Fri, 24 Nov 2017 10:04:05 GMT"
TOTAL = len(CONTENT)


@pytest.fixture(autouse=True)
def the_connection_outlives_answers() -> Iterator[None]:
    """As in Django's test client: closing a response ends the request, and with it the connection."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture(params=["folder", "elsewhere"])
def job(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> ReportJob:
    """Return a finished report whose file is in a folder of this machine, or in a remote storage."""
    name = "FileSystemStorage" if request.param == "folder" else "InMemoryStorage"
    default = {
        "BACKEND": f"django.core.files.storage.{name}",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = {**settings.STORAGES, "default": default}
    job = make_job(
        state=State.SUCCEEDED, finished_at=MADE_AT, file_bytes=TOTAL, file_rows=0, file_sha256=SHA256, format="csv"
    )
    job.file.save("report.csv", ContentFile(CONTENT))
    return job


def ask(job: ReportJob, method: str = "GET", **headers: str) -> HttpResponseBase:
    request = RequestFactory().generic(
        method, "/", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return file_response(request, job, administrator=job.requested_by)


def body(answer: HttpResponseBase) -> bytes:
    content = answer.getvalue()
    answer.close()
    assert isinstance(content, bytes)
    return content


def test_a_file_is_for_who_may_have_reports_on_its_account_now(job: ReportJob) -> None:
    assert ask(job).status_code == 200
    job.requested_by.user_permissions.clear()
    stranger = permitted_administrator(subscription=make_subscription(), codename="all_permissions")
    for administrator in (
        Administrator.objects.get(pk=job.requested_by_id),
        make_administrator(accounts=(job.account,)),
        stranger,
    ):
        job.requested_by = administrator
        with pytest.raises(PermissionDenied):
            ask(job)


def test_the_whole_file_comes_with_what_proves_it(job: ReportJob) -> None:
    answer = ask(job)
    assert isinstance(answer, FileResponse)
    assert answer.status_code == 200
    assert body(answer) == CONTENT
    assert dict(answer.items()) == {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{job.download_name}"',
        "Content-Length": str(TOTAL),
        "Content-Type": "text/csv; charset=utf-8",
        "ETag": ETAG,
        "Last-Modified": MODIFIED,
        "Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}:",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-3"}])
def test_head_says_the_same_without_opening_the_file(job: ReportJob, headers: dict[str, str]) -> None:
    whole = ask(job)
    whole.close()
    with patch.object(file_responses, "open_stored", side_effect=AssertionError("opened")):
        answer = ask(job, "HEAD", **headers)
    assert answer.status_code == 200
    assert dict(answer.items()) == dict(whole.items())
    assert body(answer) == b""


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-3", 0, 3),
        ("BYTES= 5-70000 ", 5, 70000),
        ("bytes=100-", 100, TOTAL - 1),
        (f"bytes=100-{'9' * 99}", 100, TOTAL - 1),
        ("bytes=-1", TOTAL - 1, TOTAL - 1),
        (f"bytes=-{TOTAL + 1}", 0, TOTAL - 1),
        (f"bytes={TOTAL - 1}-", TOTAL - 1, TOTAL - 1),
    ],
)
def test_a_range_is_answered_with_those_bytes_and_the_digest_of_the_whole(
    job: ReportJob, wanted: str, first: int, last: int
) -> None:
    answer = ask(job, Range=wanted)
    assert body(answer) == CONTENT[first : last + 1]
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{TOTAL}"
    assert answer["Content-Length"] == str(last - first + 1)
    assert answer["ETag"] == ETAG
    assert answer["Repr-Digest"] == ask(job, "HEAD")["Repr-Digest"]


@pytest.mark.parametrize("wanted", [f"bytes={TOTAL}-", f"bytes={'9' * 99}-", f"bytes={TOTAL}-{TOTAL + 5}", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_answered_and_the_length_is_named(job: ReportJob, wanted: str) -> None:
    with pytest.raises(UnsatisfiableRangeError) as refused:
        ask(job, Range=wanted)
    assert refused.value.content_range == f"bytes */{TOTAL}"


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,5-6",
        "bytes=5-2",
        "bytes=-",
        "bytes=",
        "lines=1-2",
        "bytes=a-b",
        "0-5",
        f"bytes={'9' * 5000}-",
        "bytes=٣-",
    ],
)
def test_several_ranges_and_what_is_none_are_answered_with_the_whole_file(job: ReportJob, wanted: str) -> None:
    answer = ask(job, Range=wanted)
    assert answer.status_code == 200
    assert body(answer) == CONTENT
    assert "Content-Range" not in answer


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (MODIFIED, 206),
        (f"W/{ETAG}", 200),
        ('"another"', 200),
        ("Fri, 24 Nov 2017 10:04:06 GMT", 200),
        ("rubbish", 200),
    ],
)
def test_a_download_goes_on_only_in_the_same_file(job: ReportJob, condition: str, status: int) -> None:
    answer = ask(job, Range="bytes=7-", If_Range=condition)
    assert answer.status_code == status
    assert body(answer) == (CONTENT[7:] if status == 206 else CONTENT)


def test_a_range_of_another_file_is_not_out_of_bounds(job: ReportJob) -> None:
    answer = ask(job, Range=f"bytes={TOTAL}-", If_Range='"another"')
    assert answer.status_code == 200
    answer.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", "*", f'"another", {ETAG}'])
def test_who_has_the_file_already_does_not_get_it_again(job: ReportJob, method: str, known: str) -> None:
    with patch.object(file_responses, "open_stored", side_effect=AssertionError("opened")):
        answer = ask(job, method, If_None_Match=known, Range="bytes=0-3")
    assert answer.status_code == 304
    assert (answer["ETag"], answer["Cache-Control"]) == (ETAG, "private, no-store")
    assert body(answer) == b""


@pytest.mark.parametrize("known", ['"another"', SHA256, 'W/"another", "third"'])
def test_who_has_another_file_gets_this_one(job: ReportJob, known: str) -> None:
    answer = ask(job, If_None_Match=known)
    assert answer.status_code == 200
    assert body(answer) == CONTENT


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"If_Match": ETAG}, True),
        ({"If_Match": "*"}, True),
        ({"If_Match": '"another"'}, False),
        ({"If_Match": f"W/{ETAG}"}, False),
        ({"If_Unmodified_Since": MODIFIED}, True),
        ({"If_Unmodified_Since": "Fri, 24 Nov 2017 10:04:04 GMT"}, False),
    ],
)
def test_who_wants_that_file_alone_is_refused_another(job: ReportJob, condition: dict[str, str], holds: bool) -> None:
    if holds:
        assert body(ask(job, **condition)) == CONTENT
    else:
        with pytest.raises(PreconditionFailedError):
            ask(job, **condition)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-3"}, {"If_None_Match": ETAG}])
@pytest.mark.parametrize("length", [TOTAL - 1, TOTAL + 1, 0])
def test_a_file_of_another_length_than_was_stored_is_not_handed_out(
    job: ReportJob, length: int, headers: dict[str, str], method: str
) -> None:
    _store(job, (CONTENT + b"x")[:length])
    with pytest.raises(ExpiredError, match="damaged"):
        ask(job, method, **headers)


def test_a_file_that_loses_its_end_while_it_is_read_breaks_the_answer_off(job: ReportJob) -> None:
    answer = ask(job, Range="bytes=10-")
    answer.file_to_stream._file.seek(TOTAL - 3)  # type: ignore[attr-defined]  # without the response noticing
    with pytest.raises(OSError, match="too early"):
        body(answer)


@pytest.mark.parametrize("wanted", ["", "bytes=10-20"])
def test_the_file_is_closed_with_the_answer(job: ReportJob, wanted: str) -> None:
    with patch.object(type(job.file.storage.open(str(job.file.name))), "close") as close:
        answer = ask(job, Range=wanted)
        assert not close.called
        answer.close()
        assert close.called


def test_who_is_reading_a_file_that_is_deleted_reads_it_to_its_end(job: ReportJob) -> None:
    answer = ask(job)
    if isinstance(job.file.storage, InMemoryStorage):
        job.file.storage.delete(str(job.file.name))
    else:
        Path(job.file.path).unlink()
    assert body(answer) == CONTENT


def _store(job: ReportJob, content: bytes) -> None:
    name = str(job.file.name)
    job.file.storage.delete(name)
    assert job.file.storage.save(name, ContentFile(content)) == name
