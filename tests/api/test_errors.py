"""Every error is an RFC 9457 problem document, even if no view of the API is reached."""

from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http.multipartparser import MultiPartParserError
from django.test import Client
from django.urls import include, path
from rest_framework import exceptions, serializers

from billing.models import Administrator, Subscription
from config.urls import handler400, handler403, handler404, handler500
from reports.api.base import ApiView
from reports.api.exceptions import ProblemType
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.canary import CANARY
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now"), pytest.mark.urls(__name__)]

JOBS = "/api/v1/report-jobs/"


class Broken(ApiView[ReportJob]):
    """Raises the exception that a test sets."""

    raised: Exception = RuntimeError()

    def get(self, request: Any) -> Any:
        raise self.raised


handlers = (handler400, handler403, handler404, handler500)
urlpatterns = [path("api/broken/", Broken.as_view()), path("", include("config.urls"))]


def problem(answer: Any, kind: ProblemType) -> dict[str, Any]:
    """Return the problem document, after checking what all problems have in common."""
    assert answer.status_code == kind.status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["title"], body["status"]) == (kind.uri, kind.title, kind.status)
    assert body["detail"].endswith((".", "`"))
    return body


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("tail", ["nothing/", "", "v1/report-job/", "v1/report-jobs/1/", "v2/", "v1/subscriptions/%0A"])
def test_an_unknown_address_is_a_problem_for_every_method(method: str, tail: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(f"/api/{tail}")
    assert "The API starts at /api/v1/." in problem(answer, ProblemType.NOT_FOUND)["detail"]


@pytest.mark.parametrize(
    "tail", ["v1", "v1/report-jobs", "schema", f"v1/report-jobs/{'0' * 8}-0000-0000-0000-{'0' * 12}"]
)
def test_where_the_slash_is_missing_the_problem_says_so(client: ApiClient, tail: str) -> None:
    for answer in (client.get(f"/api/{tail}"), client.post_json(f"/api/{tail}", {"subscription": "SUB-1001"})):
        assert "Only the trailing slash" in problem(answer, ProblemType.NOT_FOUND)["detail"]


def test_the_bare_name_of_the_api_is_a_problem_too(client: ApiClient) -> None:
    problem(client.post_json("/api", {}), ProblemType.NOT_FOUND)


def test_elsewhere_people_get_their_pages() -> None:
    assert Client().get("/nothing/")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "tail",
    ["subscriptions/abc/", "subscriptions/-1/", f"subscriptions/{'9' * 5000}/", f"subscriptions/{10**30}/",
     "report-jobs/abc/", "report-jobs/00000000-0000-0000-0000-000000000000/",
     "report-jobs/ABCDEF00-0000-0000-0000-000000000000/",
     "report-types/none/", "report-types/%00/"],
)  # fmt: skip
def test_a_malformed_key_is_a_missing_object(client: ApiClient, tail: str) -> None:
    body = problem(client.get(f"/api/v1/{tail}"), ProblemType.NOT_FOUND)
    assert "matches the given query" not in body["detail"]


@pytest.mark.parametrize("address", ["/api/v1/", JOBS, "/api/v1/report-types/user-hours/"])
def test_an_unauthenticated_caller_is_told_how_to_authenticate(address: str) -> None:
    answer = Client().get(address)
    problem(answer, ProblemType.NOT_AUTHENTICATED)
    assert answer["WWW-Authenticate"] == "Bearer"
    refused = ApiClient("tally_wrong").get(address)
    problem(refused, ProblemType.NOT_AUTHENTICATED)
    assert refused["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace", "brew"])
def test_an_unknown_method_is_refused_with_those_that_there_are(client: ApiClient, method: str) -> None:
    answer = client.generic(method.upper(), JOBS)
    problem(answer, ProblemType.METHOD_NOT_ALLOWED)
    assert answer["Allow"] == "GET, HEAD, POST"


def test_an_unknown_method_is_refused_to_who_may_nothing_else_alike(ana: Administrator) -> None:
    ana.user_permissions.clear()
    for who in (program(ana), program(ana, is_read_only=True)):
        problem(who.delete(JOBS + "?nothing=1"), ProblemType.METHOD_NOT_ALLOWED)


def test_another_representation_is_refused(client: ApiClient) -> None:
    problem(client.get(JOBS, headers={"Accept": "text/csv"}), ProblemType.NOT_ACCEPTABLE)
    for accepted in ("*/*", "application/*", "application/json", "text/html,*/*;q=0.1"):
        assert client.get(JOBS, headers={"Accept": accepted}).status_code == 200


@pytest.mark.parametrize("accepted", ["", ";;", "a/b/c", "*/*;q=x", "é", "*"])
def test_an_odd_accept_header_is_no_fault(client: ApiClient, accepted: str) -> None:
    assert client.get(JOBS, headers={"Accept": accepted}).status_code in {200, 406}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x", "é/é"]
)
def test_another_media_type_is_refused(client: ApiClient, content_type: str) -> None:
    answer = client.generic("POST", JOBS, b"report_type=user-hours", content_type)
    problem(answer, ProblemType.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"", None),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"subscription": NaN}', "NaN is not JSON"),
        (b'{"subscription": Infinity}', "Infinity is not JSON"),
        (b'{"subscription": "a\\u0000b"}', "lone surrogate"),
        (b'{"a\\u0000b": 1}', "lone surrogate"),
        (b'{"subscription": "\\ud800"}', "lone surrogate"),
        (b'{"\\udfff": "x"}', "lone surrogate"),
        (b'{"x": [[{"y": "\\ud800"}]]}', "lone surrogate"),
        (b'{"format": "csv", "format": "csv"}', "duplicate member"),
        (b'{"subscription": "\xff"}', "not UTF-8"),
        ('{"subscription": "ä"}'.encode("utf-16"), "not UTF-8"),
        (b'{"subscription": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"x": ' + b"[" * 16_000, "nested too deeply"),
        (b'{"x": ' + b"[" * 900 + b"]" * 900 + b"}", None),
    ],
    ids=range(18),
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused_with_the_reason(
    client: ApiClient, body: bytes, said: str | None
) -> None:
    answer = client.generic("POST", JOBS, body, "application/json")
    if said is None:
        assert answer.status_code == 400
        return
    assert said in problem(answer, ProblemType.MALFORMED_REQUEST)["detail"]


def test_a_charset_changes_nothing(client: ApiClient) -> None:
    for charset in ("utf-8", "utf-16", "bz2_codec", "none", '"', ""):
        content_type = f"application/json; charset={charset}"
        answer = client.generic(
            "POST", JOBS, b'{"subscription": "SUB-1001", "report_type": "user-hours"}', content_type
        )
        assert answer.status_code == 202, charset


def test_a_body_that_is_too_large_is_refused(client: ApiClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = client.post_json(JOBS, {"subscription": "x" * 200})
    problem(answer, ProblemType.BODY_TOO_LARGE)


def test_a_body_that_would_get_a_far_larger_answer_is_refused(client: ApiClient) -> None:
    answer = client.post_json(JOBS, {f"{number:x}": 1 for number in range(5000)})
    assert problem(answer, ProblemType.BODY_TOO_LARGE)["detail"] == "The body is larger than 16 KiB."
    assert len(answer.content) < 1000


@pytest.mark.parametrize("address", ["/api/v1/?q=%00", f"{JOBS}?q=%00", "/api/nothing/?q=%00"])
def test_a_nul_character_in_a_query_is_a_problem(client: ApiClient, address: str) -> None:
    problem(client.get(address), ProblemType.MALFORMED_REQUEST)


@pytest.mark.parametrize(
    "address",
    ["/api/v1/", "/api/v1/subscriptions/{id}/", "/api/v1/report-types/", "/api/v1/report-types/user-hours/", JOBS],
)
def test_unknown_query_parameters_are_named(client: ApiClient, subscription: Subscription, address: str) -> None:
    body = problem(
        client.get(address.format(id=subscription.pk) + "?nothing=1&format=json"), ProblemType.VALIDATION_FAILED
    )
    assert [error["field"] for error in body["errors"]] == ["nothing", "format"]
    assert {error["detail"] for error in body["errors"]} == {"Unknown query parameter."}


def test_a_request_that_writes_knows_no_query_parameter(client: ApiClient, subscription: Subscription) -> None:
    job = make_job(subscription=subscription)
    order = {"subscription": "SUB-1001", "report_type": "user-hours"}
    problem(client.post_json(JOBS + "?state=queued", order), ProblemType.VALIDATION_FAILED)
    problem(client.post_json(to("report-job-cancel", job.pk) + "?wait=1"), ProblemType.VALIDATION_FAILED)
    assert ReportJob.objects.get().state == "queued"


RAISED = [
    (exceptions.Throttled(wait=7), ProblemType.RATE_LIMITED),
    (RequestDataTooBig("x"), ProblemType.BODY_TOO_LARGE),
    (SuspiciousOperation("x"), ProblemType.MALFORMED_REQUEST),
    (MultiPartParserError("x"), ProblemType.MALFORMED_REQUEST),
    (exceptions.PermissionDenied(), ProblemType.PERMISSION_DENIED),
    (exceptions.NotFound("No ReportJob matches"), ProblemType.NOT_FOUND),
]


@pytest.mark.parametrize(("raised", "kind"), RAISED, ids=[type(raised).__name__ for raised, _kind in RAISED])
def test_what_the_frameworks_raise_becomes_a_problem(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: ProblemType
) -> None:
    monkeypatch.setattr(Broken, "raised", raised)
    answer = client.get("/api/broken/")
    body = problem(answer, kind) if str(raised) != "x" else answer.json()
    assert answer.status_code == kind.status
    assert "ReportJob" not in body["detail"]
    assert answer.get("Retry-After") == ("7" if kind is ProblemType.RATE_LIMITED else None)


def test_nested_errors_are_named_by_their_paths(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    detail: Any = {
        "url": ["No URL."],
        "events": {0: ["Unknown."]},
        "non_field_errors": ["Odd."],
        "items": [{}, {"a": ["b"]}],
    }
    monkeypatch.setattr(Broken, "raised", serializers.ValidationError(detail))
    body = problem(client.get("/api/broken/"), ProblemType.VALIDATION_FAILED)
    assert {error["field"]: error["detail"] for error in body["errors"]} == {
        "url": "No URL.",
        "events.0": "Unknown.",
        "body": "Odd.",
        "items.1.a": "b",
    }
    assert body["detail"] == "url: No URL. 3 more: see `errors`."


def test_a_fault_of_ours_says_nothing_of_the_inside_and_is_logged(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Broken, "raised", RuntimeError(f"{CANARY} in a stack"))
    client.raise_request_exception = False
    answer = client.get("/api/broken/")
    problem(answer, ProblemType.INTERNAL_ERROR)
    assert CANARY not in answer.content.decode()
    assert any(record.exc_info and CANARY in str(record.exc_info[1]) for record in caplog.records)
