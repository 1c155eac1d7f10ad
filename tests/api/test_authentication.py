"""Authentication: by token as its current owner, or by session; and the responses to unauthenticated requests."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.test import Client
from django.urls import path
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.models import Account, Administrator, ApiToken, Membership
from reports.api.permissions import caller_of
from tests.factories import make_account, make_api_token
from tests.people import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
BAD_TOKEN = 'Bearer error="invalid_token"'


class Probe(APIView):
    """Returns the caller and what the caller sees."""

    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        return Response(
            {
                "administrator": caller.administrator.email,
                "token": caller.token.pk if caller.token else None,
                "accounts": [account.code for account in caller.accounts.order_by("code")],
                "may_report": caller.may_report,
                "may_write": caller.may_write,
                "logged": structlog.contextvars.get_contextvars().get("api_token"),
            }
        )

    post = get


urlpatterns = [path("probe/", Probe.as_view())]


def ask(authorization: str | None = None, client: Client | None = None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return (client or Client()).get("/probe/", headers=headers)


@pytest.fixture
def account() -> Account:
    return make_account(code="ACME")


@pytest.fixture
def ana(account: Account) -> Administrator:
    return make_member(account, email="ana@acme.example")


def test_a_token_stands_for_its_owner(ana: Administrator) -> None:
    token, secret = make_api_token(administrator=ana)
    answer = ask(f"Bearer {secret}")
    assert answer.status_code == 200
    assert answer.json() == {
        "administrator": "ana@acme.example",
        "token": token.pk,
        "accounts": ["ACME"],
        "may_report": True,
        "may_write": True,
        "logged": token.pk,
    }


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
def test_the_scheme_is_read_in_any_case_and_with_several_spaces(scheme: str, ana: Administrator) -> None:
    _token, secret = make_api_token(administrator=ana)
    assert ask(f"{scheme}{secret} ").status_code == 200


@pytest.mark.parametrize("authorization", [None, "", " ", "Basic YW5hOmE=", "tally_", "Token abc", "Digest a=b", "é"])
def test_without_a_token_or_a_session_the_answer_says_how_to_come_in(authorization: str | None) -> None:
    answer = ask(authorization)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "tally_",
        "tally_" + "a" * 43,
        "tally_" + "a" * 100_000,
        "tally_" + "\0" * 43,
        "tally_" + "é" * 43,
        "tally_" + "\ud800" * 3,
        "a b c",
        "tally_" + "a" * 43 + ", Bearer tally_" + "a" * 43,
        "' OR 1=1 --",
    ],
)
def test_a_bad_token_is_named_as_the_reason(secret: str) -> None:
    answer = ask(f"Bearer {secret}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == BAD_TOKEN


def test_what_comes_before_or_after_a_token_spoils_it(ana: Administrator) -> None:
    _token, secret = make_api_token(administrator=ana)
    for spoiled in (f"x{secret}", f"{secret}x", f"{secret} x", f'"{secret}"', secret.upper(), secret[:-1]):
        assert ask(f"Bearer {spoiled}").status_code == 401, spoiled


def test_revoking_expiring_and_deactivating_take_effect_at_once(ana: Administrator) -> None:
    made = {name: make_api_token(administrator=ana, name=name) for name in ("revoked", "expired", "deactivated")}
    for _token, secret in made.values():
        assert ask(f"Bearer {secret}").status_code == 200

    made["revoked"][0].revoke()
    assert ask(f"Bearer {made['revoked'][1]}")["WWW-Authenticate"] == BAD_TOKEN
    now, minute = timezone.now(), timedelta(minutes=1)
    ApiToken.objects.filter(name="expired").update(created_at=now - minute, expires_at=now - timedelta(seconds=1))
    assert ask(f"Bearer {made['expired'][1]}")["WWW-Authenticate"] == BAD_TOKEN
    assert ask(f"Bearer {made['deactivated'][1]}").status_code == 200
    Administrator.objects.update(is_active=False)
    assert ask(f"Bearer {made['deactivated'][1]}")["WWW-Authenticate"] == BAD_TOKEN


def test_a_token_never_has_more_than_its_owner_has_now(ana: Administrator, account: Account) -> None:
    other = make_account(code="HARBOUR")
    membership = Membership.objects.create(administrator=ana, account=other)
    _narrow, narrow = make_api_token(administrator=ana, account=other, is_read_only=True)
    _wide, wide = make_api_token(administrator=ana)
    assert ask(f"Bearer {wide}").json()["accounts"] == ["ACME", "HARBOUR"]
    assert ask(f"Bearer {narrow}").json()["accounts"] == ["HARBOUR"]
    assert ask(f"Bearer {narrow}").json()["may_write"] is False

    membership.delete()
    assert ask(f"Bearer {wide}").json()["accounts"] == ["ACME"]
    assert ask(f"Bearer {narrow}").json()["accounts"] == []
    ana.user_permissions.clear()
    assert ask(f"Bearer {wide}").json()["may_report"] is False


def test_the_token_decides_even_inside_a_session(ana: Administrator) -> None:
    bruno = make_member(make_account(code="NORDLICHT"), email="bruno@nordlicht.example")
    client = Client()
    client.force_login(bruno)
    token, secret = make_api_token(administrator=ana)
    assert ask(client=client).json()["administrator"] == bruno.email
    assert ask(client=client).json()["token"] is None
    assert ask(f"Bearer {secret}", client).json()["administrator"] == ana.email
    token.revoke()
    refused = ask(f"Bearer {secret}", client)
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == BAD_TOKEN
    # A proxy may send its own credentials in this header.
    assert ask("Basic cHJveHk6cGFzcw==", client).json()["administrator"] == bruno.email


def test_a_session_changes_something_only_with_the_token_against_forgery(ana: Administrator) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.get("/probe/").status_code == 200
    assert client.post("/probe/").status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    for sent, status in (("b", 403), ("a", 200)):
        answer = client.post("/probe/", {}, "application/json", headers={"X-CSRFToken": sent * 32})
        assert answer.status_code == status


def test_a_program_with_a_token_needs_none_against_forgery(ana: Administrator) -> None:
    _token, secret = make_api_token(administrator=ana)
    client = Client(enforce_csrf_checks=True)
    assert (
        client.post("/probe/", {}, "application/json", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    )


def test_the_session_of_a_deactivated_administrator_is_none(ana: Administrator) -> None:
    client = Client()
    client.force_login(ana)
    Administrator.objects.update(is_active=False)
    answer = ask(client=client)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_the_use_of_a_token_is_recorded_and_of_a_refused_one_not(ana: Administrator) -> None:
    token, secret = make_api_token(administrator=ana)
    before = timezone.now()
    ask(f"Bearer {secret}")
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at >= before - timedelta(seconds=1)
    ApiToken.objects.update(last_used_at=None)
    token.revoke()
    ask(f"Bearer {secret}")
    assert not ApiToken.objects.filter(last_used_at__isnull=False).exists()


def test_the_second_request_of_a_minute_costs_one_query_to_know_whose_it_is(
    ana: Administrator, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _token, secret = make_api_token(administrator=ana)
    ask(f"Bearer {secret}")
    with django_assert_num_queries(3):  # the token with its owner, the permissions, the accounts
        ask(f"Bearer {secret}")


@pytest.mark.urls("config.urls")
@pytest.mark.parametrize(("authorization", "named"), [("Basic YW5hOmE=", "Bearer"), ("Bearer tally_no", BAD_TOKEN)])
def test_the_api_itself_answers_so_with_a_problem(authorization: str, named: str) -> None:
    answer = Client().get("/api/v1/", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == named
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:tallydesk:problem:not-authenticated"


@pytest.mark.urls("config.urls")
def test_the_api_itself_refuses_a_forged_request_of_a_session_with_a_problem(ana: Administrator) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    answer = client.post("/api/v1/report-jobs/", {}, "application/json")
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:tallydesk:problem:permission-denied"


@pytest.mark.urls("config.urls")
def test_the_api_itself_refuses_to_write_with_a_token_for_reading(ana: Administrator) -> None:
    _token, secret = make_api_token(administrator=ana, is_read_only=True)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/report-jobs/").status_code == 200
    answer = client.post("/api/v1/report-jobs/", {}, "application/json")
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:tallydesk:problem:permission-denied"
