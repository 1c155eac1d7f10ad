"""The demo's sign-ins: each can sign in, and has the access that the demo states."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password

from billing.models import Account, Administrator, Subscription
from demo.administrators import add_administrators
from demo.companies import COMPANIES
from demo.sign_ins import PASSWORD, PEOPLE, SIGN_INS
from tests.factories import make_account, make_subscription


@pytest.fixture
def people(db: None) -> dict[str, Administrator]:
    """Return the people of the demo by e-mail address; each account has a subscription."""
    for company in COMPANIES:
        make_subscription(account=make_account(code=company.code), number=f"SUB-{company.code}")
    add_administrators()
    return {administrator.email: administrator for administrator in Administrator.objects.all()}


def sees(administrator: Administrator) -> set[str]:
    """Return the codes of the accounts whose reports an administrator may order."""
    if not administrator.may_report:
        return set()
    visible = Subscription.objects.visible_to(administrator)
    return set(Account.objects.filter(subscriptions__in=visible).values_list("code", flat=True))


@pytest.mark.parametrize(("email", "password", "what"), SIGN_INS)
def test_everybody_can_sign_in(people: dict[str, Administrator], email: str, password: str, what: str) -> None:
    assert authenticate(username=email, password=password) == people[email]
    assert what


@pytest.mark.parametrize(
    ("email", "accounts"),
    [
        ("ana@acme.example", {"ACME"}),
        ("bruno@nordlicht.example", {"NORDLICHT"}),
        ("carla@acme.example", {"ACME", "HARBOUR"}),
        ("luc@lumiere.example", {"LUMIERE"}),
        ("dev@acme.example", set()),
        ("ops@tallydesk.example", {company.code for company in COMPANIES}),
        ("support@tallydesk.example", {company.code for company in COMPANIES}),
        ("admin@tallydesk.example", {company.code for company in COMPANIES}),
    ],
)
def test_everybody_sees_the_reports_of_their_accounts(
    people: dict[str, Administrator], email: str, accounts: set[str]
) -> None:
    assert sees(people[email]) == accounts


def test_platform_staff_hold_what_their_group_gives_them(people: dict[str, Administrator]) -> None:
    assert people["ops@tallydesk.example"].has_perm("usage.add_upload")
    assert people["ops@tallydesk.example"].has_perm("billing.add_subscription")
    assert not people["support@tallydesk.example"].has_perm("usage.add_upload")
    assert people["support@tallydesk.example"].has_perm("usage.view_call")
    assert people["admin@tallydesk.example"].is_superuser
    staff = {administrator.email for administrator in people.values() if administrator.is_platform_staff}
    assert staff == {"ops@tallydesk.example", "support@tallydesk.example", "admin@tallydesk.example"}


def test_customers_hold_the_one_permission_they_are_there_to_show(people: dict[str, Administrator]) -> None:
    granted = {
        email: [permission.codename for permission in administrator.user_permissions.all()]
        for email, administrator in people.items()
        if not administrator.is_platform_staff
    }
    assert granted == {
        "ana@acme.example": ["view_subscription"],
        "bruno@nordlicht.example": ["all_permissions"],
        "carla@acme.example": ["add_subscription"],
        "luc@lumiere.example": ["view_subscription"],
        "dev@acme.example": [],
    }


def test_who_is_there_already_stays_as_they_are(people: dict[str, Administrator]) -> None:
    ana = people["ana@acme.example"]
    ana.set_password("a password of her own")
    ana.save()
    Administrator.objects.get(email="luc@lumiere.example").delete()
    assert add_administrators() == 1
    assert authenticate(username=ana.email, password="a password of her own") == ana
    assert authenticate(username="luc@lumiere.example", password=PASSWORD) is not None


def test_the_password_is_one_that_the_product_would_let_them_choose() -> None:
    for person in PEOPLE:
        validate_password(PASSWORD, Administrator(email=person.email, name=person.name))
