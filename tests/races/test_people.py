"""Administrators, their links and tokens: what holds for one holds for two at the same moment."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, ApiToken, Membership
from billing.models.api_tokens import MOST_USABLE
from billing.password_links import send_invitation, set_password_url
from tests.concurrency import at_once, while_held
from tests.factories import make_account, make_administrator, make_api_token
from tests.people import client_of, make_member, make_role, make_staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

PEOPLE = 4
PASSWORDS = [f"correct horse battery {number}" for number in range(PEOPLE)]


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.SITE_URL = "https://tallydesk.example"


def opened(administrator: Administrator) -> tuple[Client, str]:
    """Return a browser that has followed a link to set a password, and the address of the form."""
    client = Client()
    form = client.get(set_password_url(administrator).removeprefix("https://tallydesk.example"), follow=True)
    assert form.context["validlink"]
    return client, str(form.request["PATH_INFO"])


def choose(browser: tuple[Client, str], password: str) -> Any:
    client, address = browser
    return client.post(address, {"new_password1": password, "new_password2": password})


def test_a_link_sets_one_password() -> None:
    administrator = make_administrator()
    browsers = [opened(administrator) for _one in range(PEOPLE)]
    chosen = at_once(partial(choose, *pair) for pair in zip(browsers, PASSWORDS, strict=True))
    assert sorted(response.status_code for response in chosen) == [200] * (PEOPLE - 1) + [302]
    administrator.refresh_from_db()
    for response, password in zip(chosen, PASSWORDS, strict=True):
        assert administrator.check_password(password) == (response.status_code == 302)
        assert response.status_code == 302 or "This link no longer works" in response.content.decode()


def test_an_administrator_who_is_just_being_deactivated_sets_no_password_and_stays_so() -> None:
    administrator = make_administrator()
    browser = opened(administrator)

    def deactivate() -> None:
        Administrator.objects.filter(pk=administrator.pk).update(is_active=False, name="Gone")

    _deactivated, refused = while_held(deactivate, lambda: choose(browser, PASSWORDS[0]))
    assert "This link no longer works" in refused.result().content.decode()
    administrator.refresh_from_db()
    assert (administrator.is_active, administrator.name) == (False, "Gone")
    assert not administrator.check_password(PASSWORDS[0])


def test_an_administrator_gets_one_link_for_several_requests() -> None:
    administrator = make_administrator()
    mail.outbox.clear()
    assert sorted(at_once([partial(send_invitation, administrator)] * PEOPLE)) == [False] * (PEOPLE - 1) + [True]
    assert len(mail.outbox) == 1


def test_an_address_is_invited_once_and_the_others_are_told_so_on_the_form() -> None:
    account = make_account()
    operators = [client_of(make_role("operator")) for _one in range(PEOPLE)]
    sent = {"email": "cy@acme.example", "member_of": [account.pk]}
    address = reverse("admin:billing_administrator_add")
    invited = at_once(partial(operator.post, address, sent) for operator in operators)
    assert sorted(response.status_code for response in invited) == [200] * (PEOPLE - 1) + [302]
    for response in invited:
        assert response.status_code == 302 or "There is an administrator with this address" in response.content.decode()
        assert (response.status_code == 302) == bool(list(get_messages(response.wsgi_request)))
    assert [message.to for message in mail.outbox] == [["cy@acme.example"]]


def test_a_member_is_added_once() -> None:
    administrator, account = make_administrator(), make_account()
    superusers = [client_of(make_staff()) for _one in range(PEOPLE)]
    address = reverse("admin:billing_administrator_change", args=[administrator.pk])
    sent = {
        "email": administrator.email,
        "is_active": "on",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-administrator": administrator.pk,
        "memberships-0-account": account.pk,
    }
    added = at_once(partial(superuser.post, address, sent) for superuser in superusers)
    assert sorted(response.status_code for response in added) == [200] * (PEOPLE - 1) + [302]
    for response in added:
        assert response.status_code == 302 or "already a member of this account" in response.content.decode()
    assert Membership.objects.count() == 1


def test_somebody_who_is_just_made_a_superuser_is_not_changed_by_an_operator() -> None:
    administrator = make_administrator(name="Sam")
    operator = client_of(make_role("operator"))

    def promote() -> None:
        Administrator.objects.filter(pk=administrator.pk).update(is_superuser=True, is_platform_staff=True)

    address = reverse("admin:billing_administrator_change", args=[administrator.pk])
    no_accounts = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    _promoted, refused = while_held(promote, lambda: operator.post(address, {"name": "Mallory", **no_accounts}))
    assert refused.result().status_code == 403
    administrator.refresh_from_db()
    assert (administrator.name, administrator.is_superuser) == ("Sam", True)


def token_form(**changes: Any) -> dict[str, Any]:
    sent = {"form_key": uuid4(), "name": "nightly", "expiry": "30", "account": "", "access": "read-and-request"}
    return {**sent, **changes}


def test_an_administrator_has_no_more_tokens_than_they_may() -> None:
    ana = make_member(make_account())
    for _one in range(MOST_USABLE - 1):
        make_api_token(administrator=ana)
    address = reverse("account_settings:api-token-new")
    issued = at_once(partial(client_of(ana).post, address, token_form()) for _one in range(PEOPLE))
    assert sorted(response.status_code for response in issued) == [200] + [422] * (PEOPLE - 1)
    for response in issued:
        assert response.status_code == 200 or f"You have {MOST_USABLE} tokens that work" in response.content.decode()
    assert ApiToken.objects.usable().count() == MOST_USABLE


def test_a_form_that_is_sent_several_times_makes_one_token() -> None:
    ana = make_member(make_account())
    sent = token_form()
    address = reverse("account_settings:api-token-new")
    issued = at_once(partial(client_of(ana).post, address, sent) for _one in range(PEOPLE))
    assert sorted(response.status_code for response in issued) == [200] + [302] * (PEOPLE - 1)
    assert ApiToken.objects.count() == 1


def test_a_token_is_revoked_once() -> None:
    token, _secret = make_api_token()
    assert sorted(at_once([token.revoke] * PEOPLE)) == [False] * (PEOPLE - 1) + [True]
