"""Rows for tests: keyword-only functions, each of which saves a valid row with what it needs."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection

from billing.models import (
    Account,
    Administrator,
    ApiToken,
    Charge,
    Membership,
    Rate,
    RateSheet,
    RateSheetVersion,
    Subscription,
    UsageGroup,
)
from usage.models import Call, Entity, EntityKind, LoginSession, Resource, ResourceUsage

# Letters, so that they never equal a name that a test spells out (SUB-1001).
_number = (str(number).translate(str.maketrans("0123456789", "qrstuvwxyz")) for number in count(1))


def instant(text: str) -> datetime:
    """Return the instant of `2026-03-01T09:00`, or a finer one, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_account(*, code: str | None = None, name: str = "Acme Contact Centers") -> Account:
    """Create an account with a code and a name."""
    return Account.objects.create(code=code or f"ACME-{next(_number)}", name=name)


def make_administrator(
    *, email: str | None = None, accounts: tuple[Account, ...] = (), password: str = "a long enough one", **fields: Any
) -> Administrator:
    """Create an administrator, member of the accounts, without permissions."""
    administrator = Administrator.objects.create_user(email or f"ana{next(_number)}@acme.example", password, **fields)
    for account in accounts:
        Membership.objects.create(administrator=administrator, account=account)
    return administrator


def make_api_token(
    *,
    administrator: Administrator | None = None,
    name: str = "nightly reports",
    expires_at: datetime | None = None,
    **fields: Any,
) -> tuple[ApiToken, str]:
    """Create a token, valid for thirty days by the clock of the database; return it and its secret."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() + interval '30 days'")
        (in_thirty_days,) = cursor.fetchone()
    return ApiToken.objects.issue(
        administrator=administrator or make_administrator(),
        name=name,
        expires_at=expires_at or in_thirty_days,
        **fields,
    )


def make_subscription(
    *,
    account: Account | None = None,
    number: str | None = None,
    activation_date: date = date(2017, 10, 21),
    **fields: Any,
) -> Subscription:
    """Create an open-ended subscription in USD."""
    return Subscription.objects.create(
        account=account or make_account(),
        number=number or f"SUB-{next(_number)}",
        activation_date=activation_date,
        **{"currency": "USD", **fields},
    )


def make_charge(*, name: str | None = None, basis: str = "named") -> Charge:
    """Create a charge, named unless told otherwise."""
    return Charge.objects.create(name=name or f"CX {next(_number)}", basis=basis)


def make_entity(*, account: Account, identifier: str | None = None, kind: EntityKind = EntityKind.USER) -> Entity:
    """Create an entity, a user unless told otherwise."""
    return Entity.objects.create(
        account=account, identifier=identifier or f"user{next(_number)}@acme.example", kind=kind
    )


def make_session(
    *,
    entity: Entity,
    charge: Charge | None = None,
    started_at: datetime,
    ended_at: datetime | None,
    billable: bool = True,
) -> LoginSession:
    """Create a login session of the entity."""
    session = new_session(
        entity=entity, charge=charge or make_charge(), started_at=started_at, ended_at=ended_at, billable=billable
    )
    session.save(force_insert=True)
    return session


def new_session(
    *, entity: Entity, charge: Charge, started_at: datetime, ended_at: datetime | None, billable: bool = True
) -> LoginSession:
    """Return the same as an unsaved object."""
    return LoginSession(
        account=entity.account,
        session_id=f"S-{next(_number)}",
        entity=entity,
        charge=charge,
        started_at=started_at,
        ended_at=ended_at,
        billable=billable,
    )


def make_resource_usage(
    *, account: Account, used_on: date, quantity: str = "12", resource: Resource | None = None
) -> ResourceUsage:
    """Create a resource's usage on a day."""
    resource = resource or Resource.objects.create(name=f"SMS {next(_number)}", unit="message")
    return ResourceUsage.objects.create(account=account, resource=resource, used_on=used_on, quantity=quantity)


def make_sheet(*, name: str | None = None, currency: str = "USD") -> RateSheet:
    """A rate sheet without prices."""
    return RateSheet.objects.create(name=name or f"Sheet {next(_number)}", currency=currency)


def make_version(
    *,
    sheet: RateSheet | None = None,
    effective_from: date = date(2017, 1, 1),
    currency: str = "USD",
    **fields: Any,
) -> RateSheetVersion:
    """Create an open-ended version of a rate sheet; `currency` is that of a new sheet."""
    return RateSheetVersion.objects.create(
        rate_sheet=sheet or make_sheet(currency=currency), effective_from=effective_from, **fields
    )


def make_rate(
    *,
    version: RateSheetVersion,
    code: str = "US-FIXED",
    call_type: str = "voice",
    direction: str = "Outbound",
    rate: str = "0.0181",
) -> Rate:
    """Create a rate on the version, and its usage group if the version does not have it."""
    group, _created = UsageGroup.objects.get_or_create(
        version=version, code=code, defaults={"display_name": code.title()}
    )
    return Rate.objects.create(usage_group=group, call_type=call_type, direction=direction, rate_per_minute=rate)


def make_call(*, account: Account, started_at: datetime, seconds: int = 55, **fields: Any) -> Call:
    """Create an unrated outbound call."""
    call = new_call(account=account, started_at=started_at, seconds=seconds, **fields)
    call.save(force_insert=True)
    return call


def new_call(*, account: Account, started_at: datetime, seconds: int = 55, **fields: Any) -> Call:
    """Return the same as an unsaved object."""
    defaults = {
        "sip_call_id": f"call-{next(_number)}",
        "origin": "+14155550100",
        "destination": "+14155550101",
        "usage_group": "US-FIXED",
        "call_type": "voice",
        "direction": "Outbound",
        "ended_at": started_at + timedelta(seconds=seconds),
    }
    return Call(account=account, started_at=started_at, **{**defaults, **fields})
