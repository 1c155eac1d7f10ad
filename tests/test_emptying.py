"""Rows that a test commits are gone after it, and rows of the migrations are restored."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection

from billing.models import Account
from tests.emptying import MANY, Emptying
from tests.factories import make_account, make_administrator, make_entity
from usage.models import Entity

pytestmark = pytest.mark.django_db


def everything() -> dict[str, object]:
    return {
        "accounts": Account.objects.count(),
        "entities": Entity.objects.count(),
        "groups": {group.name: list(group.permissions.order_by("pk")) for group in Group.objects.all()},
        "permissions": list(Permission.objects.order_by("pk").values()),
    }


@pytest.mark.parametrize("many", [MANY, 2])
def test_rows_few_or_many_are_removed_and_those_of_the_migrations_brought_back(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.emptying.MANY", many)
    emptying, before = Emptying(), everything()
    assert before["groups"]
    account = make_account()
    make_administrator(accounts=(account,)).user_permissions.set(Permission.objects.all()[:3])
    for _ in range(3):
        make_entity(account=account)
    Group.objects.filter(name="Support").delete()
    Group.objects.create(name="Another").permissions.set(Permission.objects.all()[:3])
    Permission.objects.filter(codename="add_group").delete()
    connection.check_constraints()
    emptying.empty()
    assert everything() == before


def test_everything_is_brought_back_also_after_a_flush() -> None:
    emptying, before = Emptying(), everything()
    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True, allow_cascade=True)
    emptying.empty()
    assert everything() == before
