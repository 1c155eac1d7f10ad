"""API tokens: created and shown once, listed, and revoked by their owner alone."""

import logging
import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Account, Administrator, ApiToken, Membership, Subscription
from billing.models.api_tokens import MOST_USABLE, digest, end_of
from reports.screens.account_choice import MOST_LISTED
from tests.factories import make_account, make_api_token
from tests.people import make_member, make_staff
from tests.screens.pages import words

LIST = "/admin/account-settings/api-tokens/"
NEW = LIST + "new/"
SECRET = re.compile(r"tally_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def now() -> None:
    """By the clock of the database, which no test changes."""


def today() -> date:
    return timezone.now().date()


def make(client: Client, **fields: str) -> Any:
    """Submit the form for a token of ninety days."""
    filled = {"form_key": str(uuid.uuid4()), "name": "nightly", "expiry": "90", "account": "", "access": "read"}
    return client.post(NEW, {**filled, **fields})


def revoke(client: Client, token: ApiToken) -> Any:
    return client.post(reverse("account_settings:api-token-revoke", args=[token.pk]))


def client_for(administrator: Administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def test_the_navigation_leads_to_the_list(ana_client: Client) -> None:
    page = ana_client.get(LIST)
    assert f'<a href="{LIST}" aria-current="page">' in page.content.decode()
    assert f'href="{reverse("api:docs")}">' in page.content.decode()
    assert "No API tokens yet." in words(page)


def test_the_answer_shows_the_token_once_with_a_command_that_works(ana_client: Client, ana: Administrator) -> None:
    made = make(ana_client, name="Nightly reports", access="read-and-request")
    assert made.status_code == 200
    [secret] = set(SECRET.findall(made.content.decode()))
    token = ApiToken.objects.get()
    assert (token.administrator, token.name, token.account, token.is_read_only) == (ana, "Nightly reports", None, False)
    assert token.digest == digest(secret)
    assert token.expires_at == end_of(today() + timedelta(days=90))
    assert f'curl -H "Authorization: Bearer {secret}" http://testserver/api/v1/' in words(made)
    assert "no-store" in made["Cache-Control"]

    for address in (LIST, NEW, reverse("account_settings:api-token-revoke", args=[token.pk])):
        again = ana_client.get(address)
        assert SECRET.search(again.content.decode()) is None
    assert f"ends in …{secret[-4:]}" in words(ana_client.get(LIST))


def test_the_same_form_sent_again_makes_no_second_token_and_shows_nothing(ana_client: Client) -> None:
    form_key = re.search(r'name="form_key" value="([^"]+)"', ana_client.get(NEW).content.decode())
    assert form_key is not None
    make(ana_client, form_key=form_key[1])
    again = make(ana_client, form_key=form_key[1], name="another name")
    assert again.status_code == 302
    followed = ana_client.get(again["Location"])
    assert "This form was already submitted" in words(followed)
    assert SECRET.search(followed.content.decode()) is None
    assert ApiToken.objects.get().name == "nightly"


def test_each_form_that_is_opened_may_make_a_token(ana_client: Client) -> None:
    keys = {re.findall(r'name="form_key" value="([^"]+)"', ana_client.get(NEW).content.decode())[0] for _ in range(2)}
    for key in keys:
        assert make(ana_client, form_key=key).status_code == 200
    assert ApiToken.objects.count() == 2


def test_a_form_that_is_refused_keeps_its_key_and_what_was_filled_in(ana_client: Client) -> None:
    key = str(uuid.uuid4())
    refused = make(ana_client, form_key=key, name=" ", expiry="30", access="read-and-request")
    assert refused.status_code == 422
    page = refused.content.decode()
    assert f'value="{key}"' in page
    assert re.search(r'id="expiry-30"[^>]* checked', page)
    assert re.search(r'id="access-request"[^>]* checked', page)
    assert "Give the token a name" in words(refused)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Give the token a name"),
        ({"name": "  \t "}, "Give the token a name"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed"),
        ({"expiry": ""}, "Choose when"),
        ({"expiry": "3650"}, "This is not one of the choices"),
        ({"expiry": "day"}, "Enter the last day"),
        ({"expiry": "day", "last_day": "soon"}, "as YYYY-MM-DD"),
        ({"expiry": "day", "last_day": "2001-01-01"}, "one year at most"),
        ({"expiry": "day", "last_day": "9999-12-31"}, "one year at most"),
        ({"access": ""}, "Choose what the token can do"),
        ({"access": "everything"}, "This is not one of the choices"),
        ({"account": "NO-SUCH-CODE"}, "You have no account with the code “NO-SUCH-CODE”"),
        ({"account": "\0"}, "Null characters are not allowed"),
        ({"form_key": "once"}, "Reload this page"),
        ({"form_key": ""}, "Reload this page"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(
    fields: dict[str, str], sentence: str, ana_client: Client, subscription: Subscription
) -> None:
    refused = make(ana_client, **fields)
    assert refused.status_code == 422
    assert sentence in words(refused)
    assert not ApiToken.objects.exists()


def test_a_token_is_good_through_a_day_from_today_to_a_year_ahead(ana_client: Client) -> None:
    for days, status in ((-1, 422), (0, 200), (365, 200), (366, 422)):
        last_day = today() + timedelta(days=days)
        assert make(ana_client, expiry="day", last_day=last_day.isoformat()).status_code == status, days
    assert {token.last_day for token in ApiToken.objects.all()} == {today(), today() + timedelta(days=365)}


def test_a_day_that_is_not_chosen_does_not_count(ana_client: Client) -> None:
    assert make(ana_client, expiry="30", last_day="nonsense").status_code == 200
    assert ApiToken.objects.get().last_day == today() + timedelta(days=30)


def test_a_token_is_restricted_to_an_account_that_one_sees(ana_client: Client, subscription: Subscription) -> None:
    assert make(ana_client, account=subscription.account.code).status_code == 200
    assert ApiToken.objects.get().account == subscription.account
    assert "Acme Contact Centers" in words(ana_client.get(LIST))


def test_another_customers_account_is_as_unknown_as_a_missing_one(ana_client: Client) -> None:
    other = make_account(code="SECRET-CODE", name="Secret name")
    page = ana_client.get(NEW).content.decode()
    assert other.code not in page
    for text in (other.code, "SECRET", "Secret"):
        refused = make(ana_client, account=text)
        assert f"You have no account with the code “{text}”." in words(refused)
        assert "Did you mean" not in words(refused)
        assert "Secret name" not in words(refused)


def test_of_thousands_of_accounts_one_is_named_by_its_code(db: None, django_assert_max_num_queries: Any) -> None:
    Account.objects.bulk_create(Account(code=f"C-{number:04}", name=f"Customer {number}") for number in range(5000))
    client = client_for(make_staff())
    with django_assert_max_num_queries(12):
        page = client.get(NEW)
    assert "<select" not in page.content.decode()
    assert len(page.content) < 20_000
    refused = make(client, account="c-123")
    assert "Did you mean C-1230 (Customer 1230)" in words(refused)
    assert make(client, account="C-1230").status_code == 200
    assert ApiToken.objects.get().account.code == "C-1230"  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize(("number", "is_listed"), [(MOST_LISTED, True), (MOST_LISTED + 1, False)])
def test_a_few_accounts_are_chosen_from_a_list(number: int, is_listed: bool, db: None) -> None:
    member = make_member(*(make_account() for _ in range(number)))
    page = client_for(member).get(NEW).content.decode()
    assert ('<select id="token-account"' in page) is is_listed


def test_more_tokens_than_the_limit_are_refused_with_a_sentence(ana_client: Client, ana: Administrator) -> None:
    for _ in range(MOST_USABLE):
        make_api_token(administrator=ana)
    refused = make(ana_client)
    assert refused.status_code == 422
    assert f"You have {MOST_USABLE} tokens that work" in words(refused)
    assert ApiToken.objects.count() == MOST_USABLE


def test_the_list_says_what_became_of_each_token(ana_client: Client, ana: Administrator, subscription: Any) -> None:
    make_api_token(administrator=ana, name="lasting", account=subscription.account, is_read_only=True)
    soon, _secret = make_api_token(administrator=ana, name="ending", expires_at=timezone.now() + timedelta(days=2))
    over, _secret = make_api_token(administrator=ana, name="over")
    stopped, _secret = make_api_token(administrator=ana, name="stopped")
    stopped.revoke()
    past = timezone.now() - timedelta(days=3)
    ApiToken.objects.filter(pk=over.pk).update(created_at=past, expires_at=past + timedelta(days=1))
    used_at = timezone.now()
    ApiToken.objects.filter(pk=soon.pk).update(last_used_at=used_at)
    page = words(ana_client.get(LIST))
    entries = {name: page[page.index(name) :][:230] for name in ("lasting", "ending", "over", "stopped")}
    for name, state in (("lasting", "active"), ("ending", "expires soon"), ("over", "expired"), ("stopped", "revoked")):
        assert state in entries[name], name
    assert "Accounts Acme Contact Centers Access Read only" in entries["lasting"]
    assert "Last used Never" in entries["lasting"]
    assert f"Last used {used_at:%H:}" in entries["ending"]
    assert page.index("ending") < page.index("over")  # usable ones come first
    assert page.index("lasting") < page.index("over")
    assert page.count("Revoke ") == 2


def test_the_name_of_an_account_that_one_no_longer_sees_is_not_shown(ana_client: Client, ana: Administrator) -> None:
    lost = make_account(name="Lost account")
    membership = Membership.objects.create(administrator=ana, account=lost)
    make_api_token(administrator=ana, account=lost)
    assert "Lost account" in words(ana_client.get(LIST))
    membership.delete()
    assert "Lost account" not in words(ana_client.get(LIST))
    assert "An account that you can no longer see" in words(ana_client.get(LIST))


def test_the_list_takes_as_many_queries_for_many_tokens_as_for_one(
    ana_client: Client, ana: Administrator, subscription: Subscription, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        make_api_token(administrator=ana, account=subscription.account)
    with django_assert_max_num_queries(9):
        page = ana_client.get(LIST)
    assert "Page 1 of 2" in words(page)


def test_revoking_asks_for_confirmation_and_works_at_once(ana_client: Client, ana: Administrator) -> None:
    token, secret = make_api_token(administrator=ana, name="nightly")
    address = reverse("account_settings:api-token-revoke", args=[token.pk])
    assert "Revoke nightly?" in words(ana_client.get(address))
    assert ApiToken.objects.of_secret(secret) == token
    done = ana_client.post(address, follow=True)
    assert "The token “nightly” was revoked" in done.content.decode()
    assert ApiToken.objects.of_secret(secret) is None
    assert "no longer works" in words(ana_client.get(address))
    first = ApiToken.objects.get().revoked_at
    assert "had already been revoked" in ana_client.post(address, follow=True).content.decode()
    assert ApiToken.objects.get().revoked_at == first


@pytest.mark.parametrize("make_other", [make_staff, make_member])
def test_an_administrator_neither_sees_nor_revokes_another_s_token(make_other: Any, ana: Administrator) -> None:
    token, secret = make_api_token(administrator=ana, name="Ana's own")
    client = client_for(make_other())
    assert "Ana's own" not in words(client.get(LIST))
    assert client.get(reverse("account_settings:api-token-revoke", args=[token.pk])).status_code == 404
    assert revoke(client, token).status_code == 404
    assert ApiToken.objects.of_secret(secret) == token


def test_without_a_permission_there_is_no_screen_and_no_token(subscription: Subscription) -> None:
    dev = make_member(subscription.account, permissions=())
    token, _secret = make_api_token(administrator=dev)
    client = client_for(dev)
    for response in (client.get(LIST), client.get(NEW), make(client), revoke(client, token)):
        assert response.status_code == 403
    assert ApiToken.objects.get().revoked_at is None


def test_a_token_does_not_open_the_screens(ana: Administrator) -> None:
    _token, secret = make_api_token(administrator=ana)
    response = Client(headers={"Authorization": f"Bearer {secret}"}).get(LIST)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


def test_a_form_of_another_site_makes_and_revokes_nothing(ana: Administrator) -> None:
    token, _secret = make_api_token(administrator=ana)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert make(client).status_code == 403
    assert revoke(client, token).status_code == 403
    assert ApiToken.objects.get().revoked_at is None


def test_the_log_tells_what_was_made_and_revoked_and_no_secret(
    ana_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        made = make(ana_client, name="nightly")
        token = ApiToken.objects.get()
        revoke(ana_client, token)
        revoke(ana_client, token)
    events = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    told = [(event["event"], event["api_token"], event["name"]) for event in events if "api_token" in event["event"]]
    assert told == [("api_token_created", token.pk, "nightly"), ("api_token_revoked", token.pk, "nightly")]
    [secret] = set(SECRET.findall(made.content.decode()))
    assert secret not in caplog.text
    assert secret not in str(events)


def test_names_are_text_and_never_markup(ana_client: Client) -> None:
    name = "<script>alert(1)</script>"
    for page in (make(ana_client, name=name), ana_client.get(LIST)):
        assert name not in page.content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content.decode()
