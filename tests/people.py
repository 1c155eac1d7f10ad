"""Administrators of every role, with the permissions that a test needs."""

from enum import Enum
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.test import Client

from billing.models import Account, Administrator, Membership, Subscription
from tests.factories import make_administrator


class Answer(Enum):
    """How a page or an endpoint for customers responds to an administrator."""

    OPEN = "open"
    REFUSED = "refused"
    MISSING = "missing"
    UNKNOWN = "they are asked who they are"


OPEN, REFUSED, UNSEEN, UNKNOWN = Answer.OPEN, Answer.REFUSED, Answer.MISSING, Answer.UNKNOWN
# The answers to a role: about its own account, about another account, and about no account.
ROLES = {
    "anonymous": (UNKNOWN, UNKNOWN, UNKNOWN),
    "deactivated": (UNKNOWN, UNKNOWN, UNKNOWN),
    "customer": (REFUSED, UNSEEN, REFUSED),
    "customer who uploads": (REFUSED, UNSEEN, REFUSED),
    "customer who views": (OPEN, UNSEEN, OPEN),
    "customer who adds": (OPEN, UNSEEN, OPEN),
    "customer with all permissions": (OPEN, UNSEEN, OPEN),
    "customer granted everything": (OPEN, UNSEEN, OPEN),
    "former member": (UNSEEN, UNSEEN, OPEN),
    "idle staff": (REFUSED, REFUSED, REFUSED),
    "support": (OPEN, OPEN, OPEN),
    "operator": (OPEN, OPEN, OPEN),
    "superuser": (OPEN, OPEN, OPEN),
}

# Different permissions open their own objects to them. Others' objects they see as "customer who views" does, which
# is about membership alone: where that is tried at every address, once is enough.
OPENED_LIKE_WHO_VIEWS = {"customer who adds", "customer with all permissions", "customer granted everything"}

# With View or Add one cancels reports, and deletes files, that one asked for oneself, and no others.
END_ONLY_THEIR_OWN = {"customer who views", "customer who adds"}


def make_member(
    *accounts: Account, permissions: tuple[str, ...] = ("view_subscription",), **fields: Any
) -> Administrator:
    """Return a customer's administrator with billing permissions, by codename."""
    administrator = make_administrator(accounts=accounts, **fields)
    administrator.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return Administrator.objects.get(pk=administrator.pk)


def make_staff() -> Administrator:
    """Return platform staff with every permission."""
    return make_administrator(is_platform_staff=True, is_superuser=True)


def permitted_administrator(*, subscription: Subscription, codename: str = "view_subscription") -> Administrator:
    """Return a member of the subscription's account with one permission."""
    administrator = make_administrator(accounts=(subscription.account,))
    administrator.user_permissions.add(Permission.objects.get(codename=codename))
    return Administrator.objects.get(pk=administrator.pk)


def make_uploader(**fields: Any) -> Administrator:
    """Return an administrator with the permission to upload."""
    administrator = make_administrator(**fields)
    administrator.user_permissions.add(Permission.objects.get(codename="add_upload"))
    return Administrator.objects.get(pk=administrator.pk)


def permissions(*names: str) -> list[Permission]:
    """Return the permissions with these names (`app_label.codename`)."""
    return [
        Permission.objects.get(content_type__app_label=app_label, codename=codename)
        for app_label, codename in (name.split(".") for name in names)
    ]


def make_role(role: str, *accounts: Account) -> Administrator:
    """Return an administrator of the role, a key of ROLES; customers are members of the accounts."""
    if role == "superuser":
        return make_administrator(is_superuser=True, is_platform_staff=True)
    if role in {"operator", "support", "idle staff"}:
        staff = make_administrator(is_platform_staff=True)
        staff.groups.set(Group.objects.filter(name={"operator": "Operators", "support": "Support"}.get(role)))
        return staff
    customer = make_administrator(accounts=accounts)
    granted = {
        "customer": [],
        "customer who views": permissions("billing.view_subscription"),
        "customer who adds": permissions("billing.add_subscription"),
        "former member": permissions("billing.view_subscription"),
        "deactivated": permissions("billing.view_subscription"),
        "customer with all permissions": permissions("billing.all_permissions"),
        "customer who uploads": permissions("usage.add_upload"),
        "customer granted everything": list(Permission.objects.all()),
    }
    customer.user_permissions.set(granted[role])
    return customer


def person(role: str, account: Account) -> Administrator | None:
    """Return an administrator of the role, None for "anonymous"; customers are members of the account.

    A former member is still a member, and a deactivated administrator still active, until `lose`.
    """
    return None if role == "anonymous" else make_role(role, account)


def lose(role: str, administrator: Administrator | None) -> None:
    """End the membership of a former member; deactivate a deactivated administrator."""
    if role == "former member":
        Membership.objects.filter(administrator=administrator).delete()
    if role == "deactivated" and administrator is not None:
        Administrator.objects.filter(pk=administrator.pk).update(is_active=False)


def client_of(administrator: Administrator | None) -> Client:
    """Return a client in which the administrator is signed in; for None, an anonymous one."""
    client = Client()
    if administrator is not None:
        client.force_login(administrator)
    return client
