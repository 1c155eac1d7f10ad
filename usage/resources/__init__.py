"""The kinds of upload, declared as resources of django-import-export: columns, formats, look-ups, natural keys."""

from functools import cache

from usage.models import UploadKind
from usage.resources.base import UploadResource
from usage.resources.directory import (
    AccountResource,
    ChargeResource,
    DeviceResource,
    ResourceResource,
    UserResource,
)
from usage.resources.rates import RateResource
from usage.resources.records import CallResource, LoginSessionResource, ResourceUsageResource
from usage.resources.subscriptions import SubscriptionResource

RESOURCES: dict[UploadKind, type[UploadResource]] = {
    UploadKind.ACCOUNTS: AccountResource,
    UploadKind.CHARGES: ChargeResource,
    UploadKind.RATES: RateResource,
    UploadKind.SUBSCRIPTIONS: SubscriptionResource,
    UploadKind.USERS: UserResource,
    UploadKind.DEVICES: DeviceResource,
    UploadKind.SESSIONS: LoginSessionResource,
    UploadKind.RESOURCES: ResourceResource,
    UploadKind.RESOURCE_USAGE: ResourceUsageResource,
    UploadKind.CALLS: CallResource,
}


@cache
def resource_of(kind: UploadKind) -> UploadResource:
    """Return the declaration of a kind: one object for all files, because creating it copies every column."""
    return RESOURCES[kind]()
