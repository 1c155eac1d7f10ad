"""An account with a few days of usage as of 24 November 2017; its billing cycle began on the 22nd."""

from datetime import UTC, date, datetime

from billing.cycles import DateRange
from billing.models import Account, Subscription
from tests.factories import (
    instant,
    make_account,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_subscription,
    make_version,
    new_call,
    new_session,
)
from usage.models import Call, EntityKind, LoginSession

NOW = datetime(2017, 11, 24, 10, 4, tzinfo=UTC)
TODAY = NOW.date()
CYCLE_SO_FAR = DateRange(date(2017, 11, 22), date(2017, 11, 23))


def make_acme(*, name: str = "Acme Contact Centers", number: str | None = None) -> Subscription:
    """Return a subscription with logins, resource usage and calls: two rated in USD, one in EUR, three unrated."""
    account = make_account(name=name)
    subscription = make_subscription(account=account, number=number, activation_date=date(2017, 10, 21))
    named, device = make_charge(), make_charge(basis="device")
    users = [make_entity(account=account, identifier=f"user{n}@acme.example") for n in range(3)]
    phone = make_entity(account=account, identifier="SIP-0001", kind=EntityKind.DEVICE)
    sessions = [
        new_session(entity=user, charge=named, started_at=instant(f"{day}T09:00"), ended_at=instant(f"{day}T12:00"))
        for day in ("2017-11-20", "2017-11-22", "2017-11-23")
        for user in users[:2]
    ]
    # Under a second charge: a second row of the report, the same user.
    sessions += [
        new_session(
            entity=users[0],
            charge=make_charge(),
            started_at=instant("2017-11-22T13:00"),
            ended_at=instant("2017-11-22T13:30"),
        ),
        new_session(
            entity=users[2], charge=named, started_at=instant("2017-11-23T23:00"), ended_at=None, billable=False
        ),
        new_session(entity=phone, charge=device, started_at=instant("2017-11-22T01:00"), ended_at=None),
    ]
    LoginSession.objects.bulk_create(sessions)
    make_resource_usage(account=account, used_on=date(2017, 11, 22))
    _make_calls(account)
    return subscription


def _make_calls(account: Account) -> None:
    dollars, euros = make_version(), make_version(currency="EUR")
    make_rate(version=dollars)
    calls = [
        new_call(
            account=account,
            started_at=instant("2017-11-23T10:00"),
            rate_sheet_version=version,
            rate_per_minute="0.0181",
            adjusted_seconds=60,
            cost=cost,
            currency=currency,
        )
        for version, currency, cost in (
            (dollars, "USD", "0.0025"),
            (dollars, "USD", "1000.0025"),
            (euros, "EUR", "0.0049"),
        )
    ]
    calls += [
        new_call(account=account, started_at=instant("2017-11-22T10:00"), usage_group=usage_group, direction=direction)
        for usage_group, direction in (("MARS", "Outbound"), ("MARS", "Outbound"), ("VENUS", "Inbound"))
    ]
    Call.objects.bulk_create([*calls, new_call(account=account, started_at=instant("2017-11-20T10:00"))])
