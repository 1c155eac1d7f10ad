"""The file of a report through the API: fetched, in parts, verified, deleted; and its manifest."""

import base64
import hashlib
import http.client
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.models import JobSubscriber, ReportJob
from tests.acme import NOW
from tests.addresses import to
from tests.api.ready_reports import COLUMNS, CONTENT, SHA256, TOTAL, make_ready
from tests.api_clients import ApiClient, program
from tests.canary import Canary, make_canary
from tests.people import make_role
from tests.processes import Processes
from tests.report_jobs import make_job
from tests.waiting import GUARD_SECONDS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("files_root")]

ETAG = f'"{SHA256}"'


@pytest.fixture
def ready(subscription: Subscription, ana: Administrator) -> ReportJob:
    return make_ready(subscription, requested_by=ana)


def file_of(job: ReportJob) -> str:
    return to("report-job-file", job.pk)


def manifest_of(job: ReportJob) -> str:
    return to("report-job-manifest", job.pk)


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the type of a problem, after checking that its statuses agree."""
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["type"].removeprefix("urn:tallydesk:problem:")


def test_the_file_is_what_the_job_says_of_it(client: ApiClient, ready: ReportJob) -> None:
    result = client.get(to("report-job", ready.pk)).json()["result"]
    answer = client.get(result["file"])
    content = answer.getvalue()
    assert answer.status_code == 200
    assert (len(content), hashlib.sha256(content).hexdigest()) == (result["bytes"], result["sha256"])
    assert answer["ETag"] == f'"{result["sha256"]}"'
    assert base64.b64decode(answer["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")).hex() == SHA256
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-store"


def test_the_screen_hands_out_the_same_with_the_same_headers(
    client: ApiClient, ready: ReportJob, ana: Administrator
) -> None:
    browser = Client()
    browser.force_login(ana)
    of_api = client.get(file_of(ready))
    of_screen = browser.get(reverse("account_settings:report-job-file", args=[ready.pk]))
    assert of_api.getvalue() == of_screen.getvalue() == CONTENT
    names = ("Accept-Ranges", "Content-Disposition", "Content-Length", "ETag", "Repr-Digest", "X-Content-Type-Options")
    for name in (*names, "Cache-Control", "Content-Type"):
        assert of_api[name] == of_screen[name]
    part = browser.get(reverse("account_settings:report-job-file", args=[ready.pk]), headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.getvalue()) == (206, b"User")


def test_head_part_and_not_again(client: ApiClient, ready: ReportJob) -> None:
    head = client.head(file_of(ready))
    assert (head.status_code, head["Content-Length"], head["ETag"], head.content) == (200, str(TOTAL), ETAG, b"")
    part = client.get(file_of(ready), headers={"Range": "bytes=5-8"})
    assert (part.status_code, part.getvalue(), part["Content-Range"]) == (206, b"Date", f"bytes 5-8/{TOTAL}")
    same = client.get(file_of(ready), headers={"If-None-Match": ETAG})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", ETAG)
    assert "Content-Type" not in same


def test_bytes_that_the_file_does_not_have_are_a_problem_that_tells_its_length(
    client: ApiClient, ready: ReportJob
) -> None:
    answer = client.get(file_of(ready), headers={"Range": f"bytes={TOTAL}-"})
    assert problem(answer) == (416, "range-not-satisfiable")
    assert answer["Content-Range"] == f"bytes */{TOTAL}"


@pytest.mark.parametrize("method", ["get", "head", "delete"])
def test_a_request_for_another_file_is_refused(client: ApiClient, ready: ReportJob, method: str) -> None:
    answer = getattr(client, method)(file_of(ready), headers={"If-Match": '"another"'})
    assert answer.status_code == 412
    ready.refresh_from_db()
    assert not ready.is_expired


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "image/png", "application/json"])
def test_the_file_comes_whatever_is_accepted(client: ApiClient, ready: ReportJob, accept: str) -> None:
    assert client.get(file_of(ready), headers={"Accept": accept}).getvalue() == CONTENT
    unknown = client.get(f"{file_of(ready)}?part=1", headers={"Accept": accept})
    assert problem(unknown) == (400, "validation-failed")


@pytest.mark.parametrize(
    ("state", "again"),
    [(State.QUEUED, True), (State.RUNNING, True), (State.FAILED, False), (State.CANCELLED, False)],
)
@pytest.mark.parametrize("method", ["get", "delete", "manifest"])
def test_before_there_is_a_file_it_is_a_conflict(
    client: ApiClient, subscription: Subscription, state: State, again: bool, method: str
) -> None:
    job = make_job(subscription=subscription, **(_unfinished(state) if again else {"state": state, "finished_at": NOW}))
    answer = client.get(manifest_of(job)) if method == "manifest" else getattr(client, method)(file_of(job))
    assert problem(answer) == (409, "not-ready")
    assert state.label in answer.json()["detail"]
    assert ("Retry-After" in answer) == again


def _unfinished(state: State) -> dict[str, Any]:
    return {"state": state, "lease_until": NOW if state == State.RUNNING else None}


def test_a_deleted_file_is_gone_and_its_job_and_manifest_stay(
    client: ApiClient, ready: ReportJob, files_root: Path
) -> None:
    assert list(files_root.glob("reports/*"))
    answer = client.delete(file_of(ready))
    assert (answer.status_code, answer.content) == (204, b"")
    assert not list(files_root.glob("reports/*"))
    job = client.get(to("report-job", ready.pk)).json()
    assert (job["state"], job["result"]["file"], job["result"]["sha256"]) == ("succeeded", None, SHA256)
    for method in (client.get, client.delete):
        assert problem(method(file_of(ready))) == (410, "expired")
    assert client.get(manifest_of(ready)).json()["sha256"] == SHA256


def test_of_many_who_delete_a_file_at_once_one_does(ready: ReportJob, ana: Administrator) -> None:
    clients = [program(ana) for _ in range(4)]
    statuses = []

    def delete(client: ApiClient) -> None:
        statuses.append(client.delete(file_of(ready)).status_code)
        connection.close()

    threads = [threading.Thread(target=delete, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [204, 410, 410, 410]


@pytest.mark.parametrize("damage", ["missing", "cut", "longer"])
def test_a_file_that_is_missing_or_damaged_in_the_storage_is_gone(
    client: ApiClient, ready: ReportJob, damage: str
) -> None:
    path = Path(ready.file.path)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(CONTENT[:-1] if damage == "cut" else CONTENT + b"x")
    for headers in ({}, {"Range": "bytes=0-3"}, {"If-None-Match": ETAG}):
        assert problem(client.get(file_of(ready), headers=headers)) == (410, "expired")
    assert client.head(file_of(ready)).status_code == 410


def test_the_manifest_of_an_old_file_has_what_is_known_about_it(client: ApiClient, ready: ReportJob) -> None:
    assert client.get(manifest_of(ready)).json() == {
        "report_type": "user-hours",
        "title": "User Hour Usage",
        "columns": COLUMNS,
        "subscription": "SUB-1001",
        "account": "ACME",
        "date_from": "2017-11-22",
        "date_through": "2017-11-22",
        "cycles": [],
        "requested_by": ready.requested_by.email,
        "requested_at": ready.requested_at.isoformat().replace("+00:00", "Z"),
        "as_of": "2017-11-24T10:03:59.123000Z",
        "format": "csv",
        "content_type": "text/csv; charset=utf-8",
        "file_name": "user-hours_SUB-1001_2017-11-22_2017-11-22.csv",
        "rows": 10_000,
        "bytes": TOTAL,
        "sha256": SHA256,
        "totals": None,
        "software_version": "",
    }
    assert client.get(file_of(ready))["Content-Disposition"].endswith('"user-hours_SUB-1001_2017-11-22_2017-11-22.csv"')


@pytest.mark.parametrize("address", [file_of, manifest_of])
def test_another_customers_file_is_missing_and_ones_own_takes_a_permission(
    client: ApiClient, ready: ReportJob, ana: Administrator, address: Any
) -> None:
    canary: Canary = make_canary()
    others = make_ready(canary.subscription)
    methods = ["get", "head", "delete"] if address is file_of else ["get", "head"]
    for method in methods:
        assert getattr(client, method)(address(others)).status_code == 404
    ana.user_permissions.clear()
    for method in methods:
        assert getattr(client, method)(address(ready)).status_code == 403
    for job in (others, ready):
        job.refresh_from_db()
        assert not job.is_expired


@pytest.mark.parametrize("requested_by", ["others", "both", "oneself"])
@pytest.mark.parametrize(
    "role", ["customer who views", "customer who adds", "customer with all permissions", "support", "operator"]
)
def test_a_file_that_others_requested_is_deleted_only_by_staff_and_all_permissions(
    role: str, requested_by: str, subscription: Subscription
) -> None:
    person, other = make_role(role, subscription.account), make_role("customer who views", subscription.account)
    ready = make_ready(subscription, requested_by=person if requested_by == "oneself" else other)
    if requested_by == "both":
        for administrator in (other, person):
            JobSubscriber.objects.create(job=ready, administrator=administrator)
    answer = program(person).delete(file_of(ready))
    may = requested_by == "oneself" or role not in {"customer who views", "customer who adds"}
    ready.refresh_from_db()
    assert ready.is_expired is may
    if may:
        assert answer.status_code == 204
    else:
        assert problem(answer) == (403, "permission-denied")
        assert answer.json()["detail"].startswith("Others requested this report, with you or without you.")


def test_who_withdrew_does_not_keep_a_file_from_being_deleted(
    client: ApiClient, ready: ReportJob, ana: Administrator, subscription: Subscription
) -> None:
    other = make_role("customer who views", subscription.account)
    for administrator, unsubscribed_at in ((ana, None), (other, NOW)):
        JobSubscriber.objects.create(job=ready, administrator=administrator, unsubscribed_at=unsubscribed_at)
    assert problem(program(other).delete(file_of(ready))) == (403, "permission-denied")
    assert client.delete(file_of(ready)).status_code == 204


def test_a_token_for_reading_fetches_and_does_not_delete(ready: ReportJob, ana: Administrator) -> None:
    reader = program(ana, is_read_only=True)
    assert reader.get(file_of(ready)).getvalue() == CONTENT
    assert problem(reader.delete(file_of(ready))) == (403, "permission-denied")
    ready.refresh_from_db()
    assert not ready.is_expired


def test_a_web_server_keeps_whole_parts_and_empty_answers_apart_on_one_connection(
    processes: Processes, subscription: Subscription, ana: Administrator
) -> None:
    ready = make_ready(subscription, requested_by=ana)
    secret = program(ana).defaults["HTTP_AUTHORIZATION"]
    server = http.client.HTTPConnection(urlsplit(processes.web("--workers", "1")).netloc, timeout=GUARD_SECONDS)

    def ask(method: str, **headers: str) -> tuple[int, bytes]:
        server.request(method, file_of(ready), headers={"Authorization": secret, **headers})
        answer = server.getresponse()
        return answer.status, answer.read()

    for _ in range(2):
        assert ask("HEAD") == (200, b"")
        assert ask("GET") == (200, CONTENT)
        assert ask("GET", Range="bytes=-5") == (206, CONTENT[-5:])
        assert ask("GET", **{"If-None-Match": ETAG}) == (304, b"")
        assert ask("GET", Range=f"bytes=100-{TOTAL}") == (206, CONTENT[100:])
    assert ask("DELETE") == (204, b"")
    assert ask("GET")[0] == 410
