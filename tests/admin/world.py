"""Two customers with an object of every kind, and administrators of every sort."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.core.files.base import ContentFile
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from billing.models import Account, Administrator, Membership, RateSheetVersion, UsageGroup
from jobs.states import UNFINISHED, State
from tests.factories import (
    instant,
    make_account,
    make_administrator,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_session,
    make_subscription,
    make_version,
)
from usage.models import Allowance, EntityKind, Resource, Step, Upload, UploadKind, UploadStep

MISSING = UUID(int=0)


class Answer(Enum):
    """How somebody is answered where customers ask: as one may hope, or why not."""

    OPEN = "open"
    REFUSED = "refused"
    MISSING = "missing"
    UNKNOWN = "they are asked who they are"


OPEN, REFUSED, UNSEEN, UNKNOWN = Answer.OPEN, Answer.REFUSED, Answer.MISSING, Answer.UNKNOWN
# Who is answered how: to their own, to another account's, and to what is about no account.
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

# Different permissions open to them what is their own. What is not theirs they see as "customer who views" does, which
# is about membership alone: where that is tried at every address, once is enough.
OPENED_LIKE_WHO_VIEWS = {"customer who adds", "customer with all permissions", "customer granted everything"}


@dataclass
class World:
    """`own` and `others` hold, by model label (`billing_account`), an object of an account and one of another's."""

    account: Account
    other: Account
    own: dict[str, Model]
    others: dict[str, Model]
    shared: dict[str, Model]


def make_upload(
    *, account: Account, by: Administrator, step: Step = Step.CHECK, state: State = State.QUEUED, **fields: object
) -> Upload:
    """An upload of calls, whose check is queued; or another step, or ended."""
    upload = Upload(uploaded_by=by, kind=UploadKind.CALLS, account=account, file_name="calls.csv", **fields)
    upload.file.save("calls.csv", ContentFile(b"sip_call_id\n"), save=False)
    upload.save()
    finished_at = None if state in UNFINISHED else timezone.now()
    upload.latest_step = UploadStep.objects.create(
        upload=upload, account=account, step=step, state=state, requested_by=by, finished_at=finished_at
    )
    upload.save()
    return upload


def objects_of(account: Account) -> dict[str, Model]:
    """One object of every kind that belongs to an account."""
    member = make_administrator(accounts=(account,))
    user = make_entity(account=account)
    start = instant("2026-03-01T09:00")
    return {
        "billing_account": account,
        "billing_administrator": member,
        "billing_subscription": make_subscription(account=account),
        "usage_user": user,
        "usage_device": make_entity(account=account, kind=EntityKind.DEVICE, identifier=f"phone-{account.pk}"),
        "usage_loginsession": make_session(entity=user, started_at=start, ended_at=None),
        "usage_resourceusage": make_resource_usage(account=account, used_on=date(2026, 3, 1)),
        "usage_call": make_call(account=account, started_at=start),
        "usage_upload": make_upload(account=account, by=member),
    }


def shared_objects() -> dict[str, Model]:
    """One object of every kind that belongs to no account."""
    version: RateSheetVersion = make_version()
    rate = make_rate(version=version)
    charge = make_charge()
    resource = Resource.objects.create(name="Data storage", unit="GB")
    Allowance.objects.create(charge=charge, resource=resource, quantity=5)
    return {
        "auth_group": Group.objects.get(name="Support"),
        "billing_charge": charge,
        "billing_ratesheet": version.rate_sheet,
        "billing_ratesheetversion": version,
        "billing_usagegroup": UsageGroup.objects.get(version=version),
        "billing_rate": rate,
        "usage_resource": resource,
    }


def make_world() -> World:
    """Everything, twice."""
    account, other = make_account(name="Acme"), make_account(name="Globex")
    return World(account, other, objects_of(account), objects_of(other), shared_objects())


def permissions(*names: str) -> list[Permission]:
    """By `app_label.codename`."""
    return [
        Permission.objects.get(content_type__app_label=app_label, codename=codename)
        for app_label, codename in (name.split(".") for name in names)
    ]


def make_role(role: str, *accounts: Account) -> Administrator:
    """An administrator of a sort; customers' administrators are members of the accounts."""
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
    """Somebody of the role, member of the account where they are a customer; nobody for "anonymous".

    A former member and somebody deactivated still are what they were, until `lose`.
    """
    return None if role == "anonymous" else make_role(role, account)


def lose(role: str, administrator: Administrator | None) -> None:
    """Take away from a former member, or from somebody deactivated, what they lost after they got in."""
    if role == "former member":
        Membership.objects.filter(administrator=administrator).delete()
    if role == "deactivated" and administrator is not None:
        Administrator.objects.filter(pk=administrator.pk).update(is_active=False)


def client_of(administrator: Administrator | None) -> Client:
    """A browser in which they are signed in; None: nobody is."""
    client = Client()
    if administrator is not None:
        client.force_login(administrator)
    return client
