"""Two customers with an object of every kind."""

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db.models import Model
from django.utils import timezone

from billing.models import Account, Administrator, RateSheetVersion, UsageGroup
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
    """Return an upload of calls with a queued check, or with another step or state."""
    fields = {"by_platform_staff": by.is_platform_staff, "kind": UploadKind.CALLS, "file_name": "calls.csv", **fields}
    upload = Upload(uploaded_by=by, account=account, **fields)
    upload.file.save("calls.csv", ContentFile(b"sip_call_id\n"), save=False)
    upload.save()
    finished_at = None if state in UNFINISHED else timezone.now()
    upload.latest_step = UploadStep.objects.create(
        upload=upload, account=account, step=step, state=state, requested_by=by, finished_at=finished_at
    )
    upload.save()
    return upload


def objects_of(account: Account) -> dict[str, Model]:
    """Return one object of every kind that belongs to an account."""
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
    """Return one object of every kind that belongs to no account."""
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
    """Return two accounts with their objects, and the shared objects."""
    account, other = make_account(name="Acme"), make_account(name="Globex")
    return World(account, other, objects_of(account), objects_of(other), shared_objects())
