"""What each administrator may do, according to the authentication backend."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission

from billing.models import Administrator
from billing.permissions import REPORT_PERMISSIONS
from tests.factories import make_account, make_administrator

pytestmark = pytest.mark.django_db


def grant(administrator: Administrator, *names: str) -> Administrator:
    for name in names:
        app_label, codename = name.split(".")
        administrator.user_permissions.add(Permission.objects.get(content_type__app_label=app_label, codename=codename))
    return Administrator.objects.get(pk=administrator.pk)


def test_all_permissions_give_a_customers_administrator_the_reports_and_nothing_else() -> None:
    administrator = grant(make_administrator(accounts=(make_account(),)), "billing.all_permissions")
    assert administrator.get_all_permissions() == REPORT_PERMISSIONS
    assert administrator.may_report
    assert not administrator.has_perm("billing.change_subscription")
    assert not administrator.has_perm("usage.add_upload")


@pytest.mark.parametrize("name", sorted(REPORT_PERMISSIONS))
def test_each_of_the_three_permissions_opens_reports(name: str) -> None:
    assert grant(make_administrator(), name).may_report


@pytest.mark.parametrize("name", ["billing.change_subscription", "billing.delete_account", "billing.add_administrator"])
def test_what_staff_may_do_has_no_effect_for_a_customers_administrator(name: str) -> None:
    administrator = grant(make_administrator(), name)
    assert not administrator.has_perm(name)
    assert not administrator.may_report
    assert not administrator.has_module_perms("billing")


def test_uploads_may_be_granted_to_a_customers_administrator() -> None:
    administrator = grant(make_administrator(), "usage.add_upload")
    assert administrator.get_all_permissions() == {"usage.add_upload"}
    assert administrator.has_module_perms("usage")
    assert not administrator.has_module_perms("billing")


def test_all_permissions_imply_every_permission_for_platform_staff() -> None:
    administrator = grant(make_administrator(is_platform_staff=True), "billing.all_permissions")
    every = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}
    assert administrator.get_all_permissions() == every
    assert not administrator.is_superuser


def test_platform_staff_without_permissions_may_do_nothing() -> None:
    administrator = make_administrator(is_platform_staff=True)
    assert administrator.get_all_permissions() == set()
    assert not administrator.may_report


@pytest.mark.parametrize("flags", [{}, {"is_platform_staff": True}, {"is_platform_staff": True, "is_superuser": True}])
def test_who_is_no_longer_active_may_do_nothing(flags: dict[str, Any]) -> None:
    administrator = grant(make_administrator(is_active=False, **flags), "billing.all_permissions", "usage.add_upload")
    assert administrator.get_all_permissions() == set()
    assert not administrator.may_report
    assert not administrator.has_perm("usage.add_upload")
    assert not administrator.has_module_perms("usage")
    assert not administrator.is_staff


def test_permissions_come_through_groups_too() -> None:
    administrator = make_administrator(is_platform_staff=True)
    administrator.groups.add(Group.objects.get(name="Operators"))
    operator = Administrator.objects.get(pk=administrator.pk)
    assert operator.has_perms(
        ["usage.add_upload", "billing.change_rate", "billing.add_subscription", "billing.add_administrator"]
    )
    assert not operator.has_perm("billing.all_permissions")
    assert not operator.has_perm("usage.delete_call")
    assert not operator.has_perm("auth.change_group")


def test_support_views_and_changes_nothing() -> None:
    administrator = make_administrator(is_platform_staff=True)
    administrator.groups.add(Group.objects.get(name="Support"))
    support = Administrator.objects.get(pk=administrator.pk)
    assert support.has_perms(["billing.view_account", "usage.view_call", "usage.view_upload"])
    assert {name.split(".")[1].split("_")[0] for name in support.get_all_permissions()} == {"view"}


def test_a_customer_in_a_group_of_staff_gains_what_customers_may_hold_alone() -> None:
    administrator = make_administrator()
    administrator.groups.add(Group.objects.get(name="Operators"))
    customer = Administrator.objects.get(pk=administrator.pk)
    assert customer.get_all_permissions() == {
        "billing.add_subscription",
        "billing.view_subscription",
        "usage.add_upload",
    }


def test_the_backend_gives_the_same_answers_asynchronously() -> None:
    app, codename = "billing", "change_subscription"
    administrator = make_administrator()
    administrator.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    assert async_to_sync(administrator.aget_all_permissions)() == set()


def test_addresses_are_found_regardless_of_case() -> None:
    administrator = make_administrator(email="Ana@Acme.example")
    assert administrator.email == "ana@acme.example"
    assert Administrator.objects.get_by_natural_key(" ANA@acme.EXAMPLE ") == administrator
