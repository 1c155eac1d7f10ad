"""Every address under Account settings, for every role, with its own, another's and a missing object."""

import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.models import ReportJob
from tests.acme import make_acme
from tests.comparisons import make_queued_comparison
from tests.factories import make_api_token
from tests.people import END_ONLY_THEIR_OWN, OPENED_LIKE_WHO_VIEWS, ROLES, Answer, client_of, lose, person
from tests.report_jobs import make_job
from tests.webhook_deliveries import make_delivery, make_endpoint

# Name and method: what the address is about, and the answer to administrators with access.
LINES = {
    ("index", "get"): (None, 302),
    ("subscriptions", "get"): (None, 200),
    ("subscription", "get"): ("subscription", 200),
    ("rows", "get"): ("subscription", 200),
    ("missing-rates", "get"): ("subscription", 200),
    ("download-usage-report", "get"): ("subscription", 200),
    ("download-usage-report", "post"): ("subscription", 422),
    ("progress", "get"): ("subscription", 200),
    ("report-jobs", "get"): (None, 200),
    ("report-job", "get"): ("job", 200),
    ("report-job-file", "get"): ("job", 409),
    ("report-job-manifest", "get"): ("job", 409),
    ("report-job-compare", "get"): ("job", 409),
    ("report-job-compare", "post"): ("job", 409),
    ("comparison-file", "get"): ("comparison", 409),
    ("comparison-progress", "get"): ("comparison", 200),
    ("comparison-cancel", "post"): ("comparison", 302),
    # Before the next one, after which one has asked for the report oneself.
    ("report-job-cancel", "post"): ("job", 302),
    ("report-job-again", "post"): ("job", 302),
    ("api-tokens", "get"): (None, 200),
    ("api-token-new", "get"): (None, 200),
    ("api-token-new", "post"): (None, 422),
    ("api-token-revoke", "get"): ("token", 200),
    ("api-token-revoke", "post"): ("token", 302),
    ("webhooks", "get"): (None, 200),
    ("webhook-new", "get"): (None, 200),
    ("webhook-new", "post"): (None, 422),
    ("webhook", "get"): ("webhook", 200),
    ("webhook-edit", "get"): ("webhook", 200),
    ("webhook-edit", "post"): ("webhook", 422),
    ("webhook-rotate", "get"): ("webhook", 200),
    ("webhook-rotate", "post"): ("webhook", 302),
    ("webhook-test", "post"): ("webhook", 302),
    ("webhook-disable", "post"): ("webhook", 302),
    ("webhook-enable", "post"): ("webhook", 302),
    ("webhook-delivery", "get"): ("delivery", 200),
    ("webhook-delivery-again", "post"): ("delivery", 302),
    ("webhook-delete", "get"): ("webhook", 200),
    ("webhook-delete", "post"): ("webhook", 302),
}
# Open only to administrators who may change webhooks; those who may only view are refused.
CHANGING = {name for name, _method in LINES if name.startswith("webhook")} - {"webhooks", "webhook", "webhook-delivery"}
# About what others asked for: see END_ONLY_THEIR_OWN.
ENDING = {"report-job-cancel", "comparison-cancel"}
VIEWING = {"customer who views", "former member", "support"}
# Objects of a person and of no account: other people never see them, whatever their permissions.
PERSONAL = {"token"}
MORE_ARGUMENTS = {"rows": ["voice-usage"]}

OPEN, REFUSED, MISSING, SIGN_IN = Answer.OPEN, Answer.REFUSED, Answer.MISSING, Answer.UNKNOWN
STATUS = {REFUSED: 403, MISSING: 404, SIGN_IN: 302}


def test_every_address_has_a_line_in_the_table() -> None:
    _prefix, resolver = get_resolver().namespace_dict["account_settings"]
    known = {name for name, _method in LINES}
    assert {getattr(pattern, "name", pattern) for pattern in resolver.url_patterns} == known


def signed_in(role: str, subscription: Subscription) -> Client:
    """Return a browser in which the role is signed in. Access that it has lost, it loses after that."""
    return browser_of(role, person(role, subscription.account))


def browser_of(role: str, administrator: Administrator | None) -> Client:
    client = client_of(administrator)
    lose(role, administrator)
    return client


def belongings(subscription: Subscription) -> dict[str, object]:
    """Return one object of each kind in the subscription's account, as it appears in an address."""
    delivery = make_delivery(endpoint=make_endpoint(account=subscription.account))
    return {
        "subscription": subscription.pk,
        "job": make_job(subscription=subscription).pk,
        "comparison": make_queued_comparison(subscription).pk,
        "webhook": delivery.endpoint_id,
        "delivery": delivery.pk,
    }


def objects(own: dict[str, object], others: dict[str, object], role: str) -> Iterator[tuple[Answer, dict[str, object]]]:
    """Yield each kind of answer with the objects that get it, as they appear in an address."""
    to_own, to_others, _to_none = ROLES[role]
    to_missing = SIGN_IN if to_own == SIGN_IN else MISSING
    yield to_own, own
    if role in OPENED_LIKE_WHO_VIEWS:
        return
    yield to_others, others
    numbers = [(987654, uuid.uuid4()), (10**30, uuid.UUID(int=0))]
    for number, job in numbers if role == "superuser" else numbers[:1]:
        yield to_missing, {"subscription": number, "job": job, "comparison": job, "webhook": number, "delivery": number}


def personal_objects(role: str, administrator: Administrator | None) -> Iterator[tuple[Answer, dict[str, object]]]:
    """Yield the same for objects of the administrator, of another one, and for missing ones."""
    _to_own, _to_others, to_none = ROLES[role]
    to_missing = SIGN_IN if to_none == SIGN_IN else MISSING
    if administrator is not None:
        yield to_none, {"token": make_api_token(administrator=administrator)[0].pk}
    yield to_missing, {"token": make_api_token()[0].pk}
    yield to_missing, {"token": 987654}
    if role == "superuser":
        yield to_missing, {"token": 10**30}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_as_the_table_says(role: str, subscription: Subscription) -> None:
    own, others = belongings(subscription), belongings(make_acme())
    administrator = person(role, subscription.account)
    client = browser_of(role, administrator)
    expected, answered = {}, {}
    for (name, method), (about, status) in LINES.items():
        found = [(ROLES[role][2], {})] if about is None else objects(own, others, role)
        if about in PERSONAL:
            found = personal_objects(role, administrator)
        for answer, numbers in found:
            if answer == OPEN and name in CHANGING and role in VIEWING:
                answer = REFUSED
            if answer == OPEN and name in ENDING and role in END_ONLY_THEIR_OWN:
                answer = REFUSED
            arguments = [numbers[about], *MORE_ARGUMENTS.get(name, [])] if about else []
            # A page, because administrators who see a single subscription are otherwise redirected to it.
            address = reverse(f"account_settings:{name}", args=arguments) + ("" if about else "?page=1")
            line = f"{method} {address}"
            expected[line] = status if answer == OPEN or name == "index" else STATUS[answer]
            response = getattr(client, method)(address)
            answered[line] = response.status_code
            if answer == SIGN_IN and name != "index":
                assert response["Location"].startswith(reverse("admin:login")), line
    assert {line: code for line, code in answered.items() if code != expected[line]} == {}


@pytest.mark.parametrize("role", ROLES)
def test_only_to_whom_it_is_open_something_happens_to_a_job(role: str, subscription: Subscription) -> None:
    own, others = make_job(subscription=subscription), make_job(subscription=make_acme())
    client = signed_in(role, subscription)
    for job, answer in zip((own, others), ROLES[role], strict=False):
        for name in ("report-job-cancel", "report-job-again"):
            client.post(reverse(f"account_settings:{name}", args=[job.pk]))
        job.refresh_from_db()
        assert (job.state == State.CANCELLED) is (answer == OPEN and role not in END_ONLY_THEIR_OWN)
        # Again joins a job that was not cancelled.
        again = answer == OPEN and role not in END_ONLY_THEIR_OWN
        assert ReportJob.objects.filter(subscription=job.subscription).count() == (2 if again else 1)


@pytest.mark.parametrize("role", [role for role, answers in ROLES.items() if answers[0] == OPEN])
def test_what_one_asked_for_oneself_one_cancels(role: str, subscription: Subscription) -> None:
    administrator = person(role, subscription.account)
    client = browser_of(role, administrator)
    job = make_job(subscription=subscription, requested_by=administrator)
    comparison = make_queued_comparison(subscription, requested_by=administrator)
    for name, one in (("report-job-cancel", job), ("comparison-cancel", comparison)):
        assert client.post(reverse(f"account_settings:{name}", args=[one.pk])).status_code == 302
        one.refresh_from_db()
        assert one.state == State.CANCELLED


@pytest.mark.parametrize("tail", ["subscriptions/abc/", "subscriptions/-1/", "reports/abc/file/", "nothing/"])
def test_a_malformed_address_is_a_404_to_every_signed_in_administrator(tail: str, subscription: Subscription) -> None:
    address = reverse("account_settings:index") + tail
    for role in ("customer", "customer with all permissions", "superuser"):
        assert signed_in(role, subscription).get(address).status_code == 404, role
    assert Client().get(address)["Location"].startswith(reverse("admin:login"))
