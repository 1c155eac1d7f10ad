"""Limits of what comes in: the size of a file, how many uploads wait, and bodies sent without a session."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Account
from config.requests import ANONYMOUS_BODY_BYTES
from config.upload_handlers import LimitedFileUploadHandler
from jobs.states import State
from tests.factories import make_account
from tests.people import client_of, make_role, make_uploader
from tests.processes import Processes
from tests.uploads import applied, receive_users, taken, uploaded
from tests.waiting import GUARD_SECONDS
from usage import tasks
from usage.models import Upload, UploadKind, UploadStatus, UploadStep
from usage.uploads import decide
from usage.uploads.receive import receive_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files_root")]

ADD = "/admin/usage/upload/add/"
JSON = {"Accept": "application/json"}
USERS = "email\nana@acme.example\n"


# --- The size of a file -----------------------------------------------------------------------------------------------


@pytest.fixture
def temporary_folder(settings: Any, tmp_path: Path) -> Path:
    """Return the folder in which files are kept while they arrive."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


def send(account: Account, content: bytes, **headers: str) -> Any:
    """Return the response to a file of users, sent by an operator."""
    answers = {"kind": "users", "account": account.pk, "file": SimpleUploadedFile("users.csv", content, "text/csv")}
    return client_of(make_role("operator")).post(ADD, answers, headers=headers)


TOO_LARGE = (
    "The file has 300 kB, and the largest file that can be uploaded here has 200 kB. Split it into smaller files, each "
    "with the header row, or ask the platform&#x27;s staff to load it with the command import_usage."
)


def test_a_file_that_is_too_large_is_refused_with_its_size_the_limit_and_the_way_out(
    settings: Any, temporary_folder: Path, files_root: Path
) -> None:
    settings.UPLOAD_MAX_BYTES = 200_000
    content = USERS.encode().ljust(300_000, b"\n")
    page = send(make_account(), content).content.decode()
    assert TOO_LARGE in page
    answer = send(make_account(), content, **JSON)
    assert (answer.status_code, answer.json()["errors"]["file"]) == (422, [TOO_LARGE.replace("&#x27;", "'")])
    assert not Upload.objects.exists()
    assert not list(temporary_folder.iterdir())
    assert not list(files_root.glob("uploads/*"))


def test_never_more_than_the_limit_is_on_the_disk(
    settings: Any, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_MAX_BYTES = 200_000
    sizes = []
    receive = LimitedFileUploadHandler.receive_data_chunk

    def watched(self: Any, raw_data: bytes, start: int) -> bytes | None:
        answer: bytes | None = receive(self, raw_data, start)
        self.file.flush()
        sizes.append(sum(path.stat().st_size for path in temporary_folder.iterdir()))
        return answer

    monkeypatch.setattr(LimitedFileUploadHandler, "receive_data_chunk", watched)
    send(make_account(), USERS.encode().ljust(1_000_000, b"\n"))
    assert len(sizes) > 5
    assert 0 < max(sizes) <= 200_000
    assert sizes[-1] == 0


@pytest.mark.parametrize(("limit", "is_accepted"), [(len(USERS) - 1, False), (len(USERS), True), (0, True)])
def test_the_limit_itself_is_accepted_and_0_means_none(settings: Any, limit: int, is_accepted: bool) -> None:
    settings.UPLOAD_MAX_BYTES = limit
    answer = send(make_account(), USERS.encode())
    assert (answer.status_code == 302) is is_accepted
    assert Upload.objects.exists() is is_accepted
    if is_accepted:
        assert Upload.objects.get().file.read() == USERS.encode()


def test_sizes_that_read_the_same_are_given_in_bytes(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 200_000
    account = make_account()
    with pytest.raises(ValidationError) as refused:
        receive_upload(
            administrator=make_uploader(accounts=(account,)),
            kind=UploadKind.USERS,
            account=account,
            file=uploaded(USERS.encode().ljust(200_001, b"\n")),
        )
    assert refused.value.messages[0].startswith(
        "The file has 200,001 bytes, and the largest file that can be uploaded here has 200,000 bytes."
    )


def test_the_form_says_how_large_a_file_may_be(settings: Any) -> None:
    client = client_of(make_role("operator"))
    page = client.get(ADD).content.decode()
    assert "Millions of rows are fine. At most 2.0 GB." in page
    assert 'data-max-bytes="2000000000"' in page
    assert "The file has {size}, and the largest file that can be uploaded here has 2.0 GB." in page
    settings.UPLOAD_MAX_BYTES = 0
    page = client.get(ADD).content.decode()
    assert "At most" not in page
    assert "data-max-bytes" not in page


def test_a_request_holds_one_file(temporary_folder: Path) -> None:
    files = [SimpleUploadedFile(f"{number}.csv", b"email\n", "text/csv") for number in range(2)]
    answers = {"kind": "users", "account": make_account().pk, "file": files}
    assert client_of(make_role("operator")).post(ADD, answers).status_code == 400
    assert not list(temporary_folder.iterdir())


# --- Uploads that wait ------------------------------------------------------------------------------------------------


def test_an_administrator_has_a_limited_number_of_uploads_waiting(settings: Any, files_root: Path) -> None:
    settings.UPLOADS_WAITING_PER_ADMINISTRATOR = 2
    accounts = [make_account(), make_account()]
    uploader = make_uploader(accounts=tuple(accounts))
    uploads = [receive_users(USERS, account=account, administrator=uploader) for account in accounts]
    stored = set(files_root.glob("uploads/*"))
    with pytest.raises(ValidationError) as refused:
        receive_users(USERS, account=accounts[0], administrator=uploader)
    assert refused.value.messages == [
        "Too many of your uploads are waiting: 2 (limit: 2). Try again when some have finished, or discard some."
    ]
    assert set(files_root.glob("uploads/*")) == stored
    assert Upload.objects.count() == 2
    receive_users(USERS, account=accounts[0])  # a colleague's
    decide.discard(uploads[0], uploader)
    assert receive_users(USERS, account=accounts[0], administrator=uploader).status == UploadStatus.WAITING


def test_an_account_has_a_limited_number_of_uploads_waiting(settings: Any) -> None:
    settings.UPLOADS_WAITING_PER_ACCOUNT = 1
    account = make_account()
    first = receive_users(USERS, account=account)
    sentence = (
        "Too many uploads into this account are waiting: 1 (limit: 1). Try again when some have finished, or discard "
        "some."
    )
    with pytest.raises(ValidationError, match="into this account are waiting: 1"):
        receive_users(USERS, account=account)
    answer = send(account, USERS.encode(), **JSON)
    assert (answer.status_code, answer.json()["errors"]) == (422, {"__all__": [sentence]})
    assert sentence in send(account, USERS.encode()).content.decode()
    receive_users(USERS, account=make_account())
    taken(first)
    assert receive_users(USERS, account=account).status == UploadStatus.WAITING


def test_decisions_wait_like_files_and_are_refused_with_the_same_sentence(settings: Any) -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    upload = taken(receive_users(USERS, account=account, administrator=uploader))
    done = applied(receive_users("email\nbo@acme.example\n", account=account, administrator=uploader))
    receive_users("email\ncy@acme.example\n", account=account, administrator=uploader)
    settings.UPLOADS_WAITING_PER_ACCOUNT = 1
    for act, one in ((decide.confirm, upload), (decide.check_again, upload), (decide.undo, done)):
        with pytest.raises(ValidationError, match="Too many uploads into this account are waiting"):
            act(one, uploader)
    page = reverse("admin:usage_upload_change", args=[upload.pk])
    answer = client_of(uploader).post(page, {"decision": "apply"}, follow=True)
    assert "Too many uploads into this account are waiting" in answer.content.decode()
    assert UploadStep.objects.filter(state=State.QUEUED).count() == 1
    decide.discard(upload, uploader)  # makes nothing wait


@pytest.mark.django_db(transaction=True)
def test_of_many_uploads_at_once_no_more_wait_than_may(settings: Any, files_root: Path) -> None:
    settings.UPLOADS_WAITING_PER_ACCOUNT, settings.UPLOADS_WAITING_PER_ADMINISTRATOR = 3, 2
    account = make_account()
    uploaders = [make_uploader(accounts=(account,)) for _ in range(2)]

    def send_one(number: int) -> bool:
        try:
            receive_users(USERS, account=account, administrator=uploaders[number % 2])
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        accepted = sum(threads.map(send_one, range(8)))
    assert accepted == UploadStep.objects.count() == Upload.objects.count() == 3
    assert len(list(files_root.glob("uploads/*"))) == 3


# --- Files that cannot be read ----------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_kept_for_a_shorter_time(settings: Any) -> None:
    assert settings.UPLOAD_UNREADABLE_RETENTION_DAYS == 7
    account = make_account()
    unreadable = taken(receive_users("nothing\n1\n", account=account))
    ready = taken(receive_users(USERS, account=account))
    assert (unreadable.status, ready.status) == (UploadStatus.REFUSED, UploadStatus.READY)
    for days, is_kept in ((6, True), (8, False)):
        long_ago = timezone.now() - timedelta(days=days)
        Upload.objects.update(uploaded_at=long_ago, checked_at=long_ago)
        tasks.expire_uploads()
        for upload in (unreadable, ready):
            upload.refresh_from_db()
        assert bool(unreadable.file) is bool(unreadable.errors_file) is is_kept
        assert ready.file
    page = client_of(make_role("operator")).get(reverse("admin:usage_upload_change", args=[unreadable.pk]))
    assert "Files are kept for 7 days" in " ".join(page.content.decode().split())


def test_the_time_of_a_file_that_cannot_be_read_begins_with_the_check_that_refused_it() -> None:
    unreadable = taken(receive_users("nothing\n1\n", account=make_account()))
    Upload.objects.update(uploaded_at=timezone.now() - timedelta(days=30))
    tasks.expire_uploads()
    unreadable.refresh_from_db()
    assert unreadable.file
    page = client_of(make_role("operator")).get(reverse("admin:usage_upload_change", args=[unreadable.pk]))
    assert "This one is kept for 7 days." in page.content.decode()


# --- Bodies sent without a session ------------------------------------------------------------------------------------


class Unread:
    """A body that must not be read."""

    def read(self, *_size: int) -> bytes:
        raise AssertionError("the body was read")

    readline = read


MULTIPART = "multipart/form-data; boundary=x"


def post(client: Client, address: str, length: int, content_type: str = MULTIPART) -> Any:
    """Return the response to a POST with a body of this length, of which nothing may be read."""
    return client.request(
        REQUEST_METHOD="POST",
        PATH_INFO=address,
        QUERY_STRING="",
        CONTENT_TYPE=content_type,
        CONTENT_LENGTH=str(length),
        **{"wsgi.input": Unread()},
    )


@pytest.mark.parametrize("content_type", [MULTIPART, "application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("address", [ADD, "/admin/login/", "/admin/password-reset/", "/nothing/", "/"])
def test_a_large_body_without_a_session_is_refused_unread(address: str, content_type: str) -> None:
    answer = post(Client(enforce_csrf_checks=True), address, ANONYMOUS_BODY_BYTES + 1, content_type)
    assert answer.status_code == 413
    said = " ".join(answer.content.decode().split())
    assert "You are not signed in, and what you sent is larger than 1.0 MB. Nothing was stored." in said


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer tally_nonsense"}])
@pytest.mark.parametrize("address", ["/api/v1/report-jobs/", "/api/v1/", "/api/nothing/"])
def test_a_large_body_to_the_api_is_a_problem_and_is_not_read(address: str, headers: dict[str, str]) -> None:
    answer = post(Client(headers=headers), address, ANONYMOUS_BODY_BYTES + 1, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
    assert answer.json()["type"] == "urn:tallydesk:problem:body-too-large"
    assert answer.json()["detail"] == "The body is larger than 1.0 MB."


def test_a_session_that_has_ended_is_none() -> None:
    client = client_of(make_role("operator"))
    client.logout()
    client.cookies["sessionid"] = "x" * 32
    assert post(client, ADD, ANONYMOUS_BODY_BYTES + 1).status_code == 413


def test_a_body_within_the_limit_or_of_somebody_signed_in_is_read() -> None:
    body = {"kind": "users", "account": "", "file": SimpleUploadedFile("a.csv", b"email\n".ljust(1_100_000, b"\n"))}
    assert client_of(make_role("operator")).post(ADD, body).status_code == 302
    fields = {"username": "x" * (ANONYMOUS_BODY_BYTES - 1000), "password": "y"}
    assert Client().post("/admin/login/", fields).status_code == 200


@pytest.mark.parametrize("length", ["", "nonsense", "-1", "1e9"])
def test_without_a_valid_length_there_is_no_body_to_refuse(length: str) -> None:
    answer = Client().get("/admin/login/", CONTENT_LENGTH=length)
    assert answer.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_web_server_answers_before_the_body_of_somebody_unknown_has_arrived(processes: Processes) -> None:
    host, _colon, port = urlsplit(processes.web("--workers", "1")).netloc.partition(":")
    for address, said in (("/admin/login/", b"You are not signed in"), ("/api/v1/report-jobs/", b"body-too-large")):
        with socket.create_connection((host, int(port)), timeout=GUARD_SECONDS) as client:
            client.sendall(
                f"POST {address} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2000000000\r\n"
                f"Content-Type: {MULTIPART}\r\n\r\n".encode()
            )
            answer = b""
            while said not in answer and (received := client.recv(65536)):
                answer += received
        assert answer.startswith(b"HTTP/1.1 413 "), address
        assert said in answer
