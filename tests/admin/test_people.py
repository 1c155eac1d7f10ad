"""Invitations, sign-in and forgotten passwords; no administrator takes over or promotes another."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Membership
from tests.factories import make_account, make_administrator
from tests.people import client_of, make_role, permissions

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
# Return the form data of the accounts on an administrator's page.
NO_ACCOUNTS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.SITE_URL = "https://tallydesk.example"


def change_page(administrator: Administrator) -> str:
    return reverse("admin:billing_administrator_change", args=[administrator.pk])


def invite(inviter: Administrator, capture: Any, **answers: Any) -> Any:
    with capture(execute=True):
        return client_of(inviter).post(reverse("admin:billing_administrator_add"), answers)


def link_in(message: Any) -> str:
    [link] = re.findall(r"https://tallydesk\.example(/admin/set-password/\S+)", message.body)
    return str(link)


def choose_password(client: Client, link: str, password: str = PASSWORD) -> Any:
    form = client.get(link, follow=True)
    return client.post(form.request["PATH_INFO"], {"new_password1": password, "new_password2": password}, follow=True)


def test_an_operator_invites_a_customers_administrator_who_sets_a_password_and_signs_in(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    account = make_account()
    [view] = permissions("billing.view_subscription")
    response = invite(
        make_role("operator"),
        django_capture_on_commit_callbacks,
        email="Cy@Acme.example",
        name="Cy",
        member_of=[account.pk],
        user_permissions=[view.pk],
    )
    assert response.status_code == 302
    invited = Administrator.objects.get(email="cy@acme.example")
    assert not invited.has_usable_password()
    assert not invited.is_platform_staff
    assert not invited.is_superuser
    assert list(invited.accounts.all()) == [account]
    assert invited.get_all_permissions() == {"billing.view_subscription"}
    [message] = mail.outbox
    assert message.to == ["cy@acme.example"]
    assert f"as an administrator of {account.name}." in message.body
    choose_password(client, link_in(message))
    answer = client.post(reverse("admin:login"), {"username": "CY@acme.example", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get(link_in(message), follow=True).context["validlink"] is False  # valid once


def test_who_invites_gives_only_what_they_hold_and_no_flag(django_capture_on_commit_callbacks: Any) -> None:
    operator = make_role("operator")
    account = make_account()
    operators = Group.objects.get(name="Operators")
    [everything, change] = permissions("billing.all_permissions", "billing.change_subscription")
    answers = {"email": "mallory@acme.example", "member_of": [account.pk]}
    for forged in (
        {"user_permissions": [everything.pk]},
        {"user_permissions": [change.pk]},
        {"groups": [operators.pk]},
    ):
        response = invite(operator, django_capture_on_commit_callbacks, **answers, **forged)
        assert response.status_code == 200, forged
        assert not Administrator.objects.filter(email=answers["email"]).exists()
    flags = {"is_superuser": "on", "is_platform_staff": "on", "password": "x", "is_active": "on"}
    assert invite(operator, django_capture_on_commit_callbacks, **answers, **flags).status_code == 302
    invited = Administrator.objects.get(email=answers["email"])
    assert (invited.is_superuser, invited.is_platform_staff) == (False, False)
    assert not invited.has_usable_password()


def test_a_customers_administrator_is_invited_to_some_account(django_capture_on_commit_callbacks: Any) -> None:
    response = invite(make_role("operator"), django_capture_on_commit_callbacks, email="no@acme.example")
    assert b"Choose at least one account." in response.content


def test_a_superuser_invites_platform_staff(django_capture_on_commit_callbacks: Any) -> None:
    group = Group.objects.get(name="Support")
    response = invite(
        make_role("superuser"),
        django_capture_on_commit_callbacks,
        email="sam@tallydesk.example",
        is_platform_staff="on",
        groups=[group.pk],
    )
    assert response.status_code == 302
    assert Administrator.objects.get(email="sam@tallydesk.example").has_perm("billing.view_account")


def test_the_address_of_an_administrator_is_taken_in_any_case(django_capture_on_commit_callbacks: Any) -> None:
    make_administrator(email="dee@acme.example")
    account = make_account()
    response = invite(
        make_role("operator"), django_capture_on_commit_callbacks, email="DEE@acme.example", member_of=[account.pk]
    )
    assert b"There is an administrator with this address." in response.content


def test_an_operator_changes_neither_address_nor_permissions_groups_memberships_or_flags() -> None:
    target = make_administrator(accounts=(make_account(),), name="Ed")
    account = make_account()
    before = target.email
    forged = {
        "email": "mine@evil.example",
        "name": "Edward",
        "is_active": "on",
        "is_superuser": "on",
        "is_platform_staff": "on",
        "password": "x",
        "groups": [Group.objects.get(name="Operators").pk],
        "user_permissions": [permissions("billing.all_permissions")[0].pk],
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-account": account.pk,
        "memberships-0-administrator": target.pk,
    }
    assert client_of(make_role("operator")).post(change_page(target), forged).status_code == 302
    target = Administrator.objects.get(pk=target.pk)
    assert target.name == "Edward"
    assert target.email == before
    assert (target.is_superuser, target.is_platform_staff) == (False, False)
    assert target.check_password("a long enough one")
    assert not target.groups.exists()
    assert not target.user_permissions.exists()
    assert target.accounts.count() == 1


def test_an_operator_cannot_promote_themselves() -> None:
    operator = make_role("operator")
    everything = permissions("billing.all_permissions")[0].pk
    forged = {"name": "Me", "is_superuser": "on", "user_permissions": [everything], **NO_ACCOUNTS}
    assert client_of(operator).post(change_page(operator), forged).status_code == 302
    operator = Administrator.objects.get(pk=operator.pk)
    assert not operator.is_superuser
    assert not operator.user_permissions.exists()
    assert operator.is_active  # nor lock themselves out


def test_only_a_superuser_changes_a_superuser() -> None:
    superuser = make_role("superuser")
    operator = client_of(make_role("operator"))
    assert operator.get(change_page(superuser)).status_code == 200
    assert operator.post(change_page(superuser), {"name": "Gone"}).status_code == 403
    assert Administrator.objects.get(pk=superuser.pk).is_active


def test_an_operator_deactivates_an_administrator_whose_session_ends_at_once() -> None:
    target = make_administrator()
    browser = client_of(target)
    assert browser.get(reverse("admin:password_change")).status_code == 200
    assert client_of(make_role("operator")).post(change_page(target), {"name": "Ed", **NO_ACCOUNTS}).status_code == 302
    assert not Administrator.objects.get(pk=target.pk).is_active
    assert browser.get(reverse("admin:password_change")).status_code == 302


def test_a_superuser_changes_permissions_and_memberships() -> None:
    target, account = make_administrator(), make_account()
    answers = {
        "email": target.email,
        "is_active": "on",
        "user_permissions": [permissions("billing.view_subscription")[0].pk],
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-account": account.pk,
    }
    assert client_of(make_role("superuser")).post(change_page(target), answers).status_code == 302
    assert Administrator.objects.get(pk=target.pk).may_report
    assert Membership.objects.filter(administrator=target, account=account).exists()


def test_administrators_are_never_deleted() -> None:
    target = make_administrator()
    address = reverse("admin:billing_administrator_delete", args=[target.pk])
    assert client_of(make_role("superuser")).post(address, {"post": "yes"}).status_code == 403


def test_a_forgotten_password_is_answered_alike_for_everybody(client: Client) -> None:
    known, unknown = make_administrator(), "stranger@acme.example"
    make_administrator(email="gone@acme.example", is_active=False)
    answers = [
        client.post(reverse("admin_password_reset"), {"email": email}, follow=True)
        for email in (known.email.upper(), unknown, "gone@acme.example")
    ]
    assert len({answer.content for answer in answers}) == 1
    assert [message.to for message in mail.outbox] == [[known.email]]


def test_the_link_is_ours_whatever_host_the_request_names(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client.post(
        reverse("admin_password_reset"), {"email": make_administrator().email}, headers={"host": "evil.example"}
    )
    [message] = mail.outbox
    assert "evil.example" not in message.body
    choose_password(client, link_in(message))
    assert Administrator.objects.get(email=message.to[0]).check_password(PASSWORD)


def test_a_mailbox_gets_one_link_in_five_minutes(client: Client) -> None:
    administrator = make_administrator()
    for _again in range(3):
        client.post(reverse("admin_password_reset"), {"email": administrator.email})
    assert len(mail.outbox) == 1
    Administrator.objects.filter(pk=administrator.pk).update(link_sent_at="2026-01-01T00:00Z")
    client.post(reverse("admin_password_reset"), {"email": administrator.email})
    assert len(mail.outbox) == 2


def test_a_link_opens_nothing_for_who_is_no_longer_active(client: Client) -> None:
    administrator = make_administrator()
    client.post(reverse("admin_password_reset"), {"email": administrator.email})
    Administrator.objects.update(is_active=False)
    choose_password(client, link_in(mail.outbox[0]))
    assert not Administrator.objects.get(pk=administrator.pk).check_password(PASSWORD)


def test_a_mail_server_that_hangs_is_waited_for_no_longer_than_seconds() -> None:
    smtp: Any = mail.get_connection("django.core.mail.backends.smtp.EmailBackend")
    assert smtp.timeout == 10


def test_a_link_that_opens_nothing_leads_to_another_one(client: Client) -> None:
    page = client.get(reverse("password_reset_confirm", args=["MQ", "used-up"])).content.decode()
    assert "This link no longer works" in page
    assert reverse("admin_password_reset") in page


def test_a_weak_password_is_refused(client: Client) -> None:
    client.post(reverse("admin_password_reset"), {"email": make_administrator().email})
    assert b"too short" in choose_password(client, link_in(mail.outbox[0]), "short").content


def test_one_changes_ones_own_password() -> None:
    administrator = make_administrator(password=PASSWORD)
    new = {"old_password": PASSWORD, "new_password1": "another long one 7", "new_password2": "another long one 7"}
    assert client_of(administrator).post(reverse("admin:password_change"), new).status_code == 302
    assert Administrator.objects.get(pk=administrator.pk).check_password("another long one 7")


def test_sign_in_takes_an_e_mail_address_and_says_little_about_errors(client: Client) -> None:
    known = make_administrator(password=PASSWORD)
    page = client.get(reverse("admin:login"))
    assert page.context["form"].fields["username"].label == "E-mail address"
    assert b"Forgotten password?" in page.content
    for email in (known.email, "stranger@acme.example"):
        answer = client.post(reverse("admin:login"), {"username": email, "password": "wrong"})
        assert b"The e-mail address or password is wrong." in answer.content


def test_who_is_no_longer_active_does_not_sign_in(client: Client) -> None:
    gone = make_administrator(password=PASSWORD, is_active=False)
    answer = client.post(reverse("admin:login"), {"username": gone.email, "password": PASSWORD})
    assert answer.status_code == 200


def test_a_link_is_sent_again_from_the_list(django_capture_on_commit_callbacks: Any) -> None:
    invited = make_administrator(email="late@acme.example")
    address = reverse("admin:billing_administrator_changelist")
    answers = {"action": "send_link", "_selected_action": [invited.pk]}
    client_of(make_role("support")).post(address, answers)
    assert mail.outbox == []
    assert client_of(make_role("operator")).post(address, answers).status_code == 302
    assert [message.to for message in mail.outbox] == [["late@acme.example"]]
