"""Every URL under /api/, for every kind of caller, with own, foreign and missing objects."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from billing.models import Account, Administrator, Subscription
from jobs.states import State
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.canary import make_canary
from tests.factories import make_account
from tests.people import END_ONLY_THEIR_OWN, OPENED_LIKE_WHO_VIEWS, ROLES, Answer, lose, person
from tests.report_jobs import make_job

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")

# Name and method: what the address is about, and the answer to callers with access. Other methods give them a 405.
LINES = {
    ("schema", "get"): ("everybody", 200),
    ("docs", "get"): ("everybody", 200),
    ("missing", "get"): ("everybody", 404),
    ("root", "get"): ("somebody", 200),
    ("subscriptions", "get"): (None, 200),
    ("subscription", "get"): ("subscription", 200),
    ("report-types", "get"): (None, 200),
    ("report-type", "get"): ("report type", 200),
    ("report-jobs", "get"): (None, 200),
    ("report-jobs", "post"): (None, 400),
    ("report-job", "get"): ("job", 200),
    ("report-job-cancel", "post"): ("job", 200),
    ("report-job-manifest", "get"): ("job", 409),
    ("report-job-file", "get"): ("job", 409),
    ("report-job-file", "delete"): ("job", 409),
}
WRITING = {"post", "delete"}
NAMES = {name for name, _method in LINES}

OPEN, REFUSED, MISSING, UNKNOWN = Answer.OPEN, Answer.REFUSED, Answer.MISSING, Answer.UNKNOWN
STATUS = {REFUSED: 403, MISSING: 404, UNKNOWN: 401}
# A token can limit its owner's access to one account, or to reading.
TOKENS = {
    "token of a customer who views": ("customer who views", (OPEN, MISSING, OPEN)),
    "token of a customer": ("customer", (REFUSED, MISSING, REFUSED)),
    "token of somebody deactivated": ("deactivated", (UNKNOWN, UNKNOWN, UNKNOWN)),
    "token of a former member": ("former member", (MISSING, MISSING, OPEN)),
    "token of a superuser": ("superuser", (OPEN, OPEN, OPEN)),
    "token of a superuser for the account": ("superuser", (OPEN, MISSING, OPEN)),
    "token of a superuser for a third account": ("superuser", (MISSING, MISSING, OPEN)),
    "token for reading": ("superuser", (OPEN, OPEN, OPEN)),
    "revoked token": ("superuser", (UNKNOWN, UNKNOWN, UNKNOWN)),
}
CALLERS = [*ROLES, *TOKENS]


def addresses(resolver: URLResolver) -> Iterator[str]:
    """Yield the names of all addresses under a resolver."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name or str(pattern.pattern)
        else:
            yield from addresses(pattern)


def under_api(resolver: URLResolver) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if str(pattern.pattern).startswith("api/"):
            yield from addresses(pattern) if isinstance(pattern, URLResolver) else [str(pattern.pattern)]


def test_every_address_has_a_line_in_the_table() -> None:
    assert sorted(under_api(get_resolver())) == sorted(NAMES)


def role_of(caller: str) -> str:
    """The role of the caller, or of the owner of the token."""
    return TOKENS[caller][0] if caller in TOKENS else caller


def answers_of(caller: str) -> tuple[Answer, Answer, Answer]:
    return TOKENS[caller][1] if caller in TOKENS else ROLES[caller]


def client_of(caller: str, account: Account) -> Client:
    """Return a signed-in browser or API client. Access that the role has lost, it loses after that."""
    role = TOKENS[caller][0] if caller in TOKENS else caller
    administrator = person(role, account)
    if administrator is None:
        return Client()
    client: Client = token_of(caller, administrator, account) if caller in TOKENS else Client()
    if caller not in TOKENS:
        client.force_login(administrator)
    lose(role, administrator)
    return client


def token_of(caller: str, administrator: Administrator, account: Account) -> ApiClient:
    accounts = {"account": account} if caller.endswith("for the account") else {}
    if caller.endswith("third account"):
        accounts = {"account": make_account(name="A third one")}
    client = program(administrator, is_read_only=caller == "token for reading", **accounts)
    if caller == "revoked token":
        administrator.api_tokens.get().revoke()
    return client


def objects(own: ReportJob, others: ReportJob, caller: str) -> Iterator[tuple[Answer, dict[str, object]]]:
    """Yield each kind of answer with the objects that get it, as they appear in an address."""
    to_own, to_others, _to_none = answers_of(caller)
    to_missing = UNKNOWN if to_own == UNKNOWN else MISSING
    yield to_own, {"subscription": own.subscription_id, "job": own.pk}
    if caller in OPENED_LIKE_WHO_VIEWS:
        return
    yield to_others, {"subscription": others.subscription_id, "job": others.pk}
    yield to_missing, {"subscription": 987654, "job": uuid.uuid4()}
    if caller == "superuser":
        yield to_missing, {"subscription": 10**30, "job": uuid.UUID(int=0)}


def lines(own: ReportJob, others: ReportJob, caller: str) -> Iterator[tuple[str, str, str, int]]:
    """Yield name, method, address and expected status for every line of the table and each of its objects."""
    to_nothing = answers_of(caller)[2]
    for (name, method), (about, status) in LINES.items():
        if about == "everybody":
            found = [(OPEN, to(name) if name != "missing" else "/api/nothing/")]
        elif about == "somebody":
            found = [(UNKNOWN if to_nothing == UNKNOWN else OPEN, to(name))]
        elif about is None:
            found = [(to_nothing, to(name))]
        elif about == "report type":
            found = [(to_nothing, to(name, "voice-usage"))]
        else:
            found = [(answer, to(name, numbers[about])) for answer, numbers in objects(own, others, caller)]
        for answer, address in found:
            refused = answer == OPEN and method in WRITING and caller == "token for reading"
            refused |= answer == OPEN and name == "report-job-cancel" and role_of(caller) in END_ONLY_THEIR_OWN
            yield name, method, address, 403 if refused else status if answer == OPEN else STATUS[answer]


def ask(client: Client, method: str, address: str) -> HttpResponse:
    extra: dict[str, Any] = {"content_type": "application/json"} if method == "post" else {}
    response: HttpResponse = getattr(client, method)(address, **extra)
    return response


def content_of(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{body.decode()}\n{dict(response.headers)}"


@pytest.fixture
def own(subscription: Subscription) -> ReportJob:
    return make_job(subscription=subscription)


@pytest.fixture
def others(db: None) -> ReportJob:
    """Return another account's job with canaries in every text."""
    canary = make_canary()
    fields: dict[str, Any] = {"requested_by": canary.administrator, "subscription": canary.subscription}
    make_job(**fields, state=State.FAILED, finished_at="2017-11-24T10:00Z", failure="CANARY: it failed.")
    return make_job(**fields)


@pytest.mark.parametrize("caller", CALLERS)
def test_each_caller_is_answered_as_the_table_says_and_with_no_word_of_an_account_that_they_do_not_see(
    caller: str, own: ReportJob, others: ReportJob
) -> None:
    client = client_of(caller, own.account)
    expected, answered, seen = {}, {}, ""
    for name, method, address, status in lines(own, others, caller):
        expected[name, method, address] = status
        answer = ask(client, method, address)
        answered[name, method, address] = answer.status_code
        seen += content_of(answer)
        if LINES[name, method][0] != "everybody":  # no cache on the way keeps an answer to one caller
            assert answer["Cache-Control"] == "private, no-store", address
    assert {line: status for line, status in answered.items() if status != expected[line]} == {}
    assert ("canary" in seen.lower()) is (answers_of(caller)[1] == OPEN)


@pytest.mark.parametrize("caller", CALLERS)
def test_only_to_whom_it_is_open_something_happens_to_a_job(caller: str, own: ReportJob, others: ReportJob) -> None:
    client = client_of(caller, own.account)
    for job, answer in zip((own, others), answers_of(caller), strict=False):
        ask(client, "post", to("report-job-cancel", job.pk))
        job.refresh_from_db()
        may = answer == OPEN and caller != "token for reading" and role_of(caller) not in END_ONLY_THEIR_OWN
        assert job.state == (State.CANCELLED if may else State.QUEUED)


@pytest.mark.parametrize("role", sorted(END_ONLY_THEIR_OWN))
def test_what_one_asked_for_oneself_one_cancels(role: str, own: ReportJob) -> None:
    administrator = person(role, own.account)
    assert administrator is not None
    ReportJob.objects.filter(pk=own.pk).update(requested_by=administrator)
    assert ask(program(administrator), "post", to("report-job-cancel", own.pk)).status_code == 200
    own.refresh_from_db()
    assert own.state == State.CANCELLED


@pytest.mark.parametrize("caller", ["customer who views", "token of a superuser"])
def test_every_other_method_is_refused_with_those_that_there_are(
    caller: str, own: ReportJob, others: ReportJob
) -> None:
    client = client_of(caller, own.account)
    for name in NAMES - {"missing"}:
        known = {method for line, method in LINES if line == name}
        known |= {"head"} if "get" in known else set()
        about = next(about for (line, _method), (about, _status) in LINES.items() if line == name)
        numbers = {"subscription": own.subscription_id, "job": own.pk, "report type": "voice-usage"}
        address = to(name, *([numbers[about]] if about in numbers else []))
        for method in METHODS:
            response = ask(client, method, address)
            assert (response.status_code == 405) is (method not in known), (method, address)
            if response.status_code == 405:
                assert set(response["Allow"].lower().split(", ")) - {"options"} == known, (method, address)


@pytest.mark.parametrize(
    "tail", ["subscriptions/abc/", "subscriptions/-1/", "report-jobs/abc/file/", "report-types/a b/", "nothing/", "v2/"]
)
def test_a_malformed_address_is_a_problem_for_everybody(tail: str, own: ReportJob) -> None:
    for caller in ("anonymous", "customer", "superuser"):
        response = client_of(caller, own.account).get(f"/api/v1/{tail}")
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json"), caller
