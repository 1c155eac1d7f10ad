"""A small contact centre with usage through yesterday, for tests that run by the real clock."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from billing.cycles import midnight
from billing.models import Account, Subscription
from tests.factories import (
    make_account,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_subscription,
    make_version,
)
from usage.models import Call, LoginSession, Resource

DAYS = 40
CALLS_A_DAY = 5


def today() -> date:
    """Return the day by the clock, in UTC."""
    return datetime.now(UTC).date()


def make_contact_centre() -> Subscription:
    """Return a subscription with 40 days of logins, resource usage and calls, some of them unrated."""
    account = make_account(code="ACME", name="Acme Contact Centers")
    subscription = make_subscription(
        account=account, number="SUB-1001", activation_date=today() - timedelta(days=DAYS + 60)
    )
    days = [today() - timedelta(days=number) for number in range(DAYS, 0, -1)]
    _make_sessions(account, days)
    _make_calls(account, days)
    sms = Resource.objects.create(name="SMS", unit="message")
    for number, day in enumerate(days):
        make_resource_usage(account=account, used_on=day, quantity=f"{number}.5", resource=sms)
    return subscription


def _make_sessions(account: Account, days: list[date]) -> None:
    users = [make_entity(account=account, identifier=f"agent{number:02}@acme.example") for number in range(8)]
    charge = make_charge(name="CX 2 Named")
    LoginSession.objects.bulk_create(
        LoginSession(
            account=account,
            session_id=f"S-{day}-{number}",
            entity=user,
            charge=charge,
            started_at=midnight(day) + timedelta(hours=6 + number),
            ended_at=midnight(day) + timedelta(hours=14 + number, milliseconds=42),
        )
        for day in days
        for number, user in enumerate(users)
    )


def _make_calls(account: Account, days: list[date]) -> None:
    version = make_version()
    make_rate(version=version)
    Call.objects.bulk_create(
        Call(
            account=account,
            sip_call_id=f"{day}-{number}@sip.acme.example",
            origin="+14155550100",
            destination="+14155550101",
            usage_group="US-FIXED" if number else "MARS",
            call_type="voice",
            direction="Outbound",
            started_at=midnight(day) + timedelta(minutes=40 * number),
            ended_at=midnight(day) + timedelta(minutes=40 * number + 1),
            **(_rating(version.pk) if number else {}),
        )
        for day in days
        for number in range(CALLS_A_DAY)
    )


def _rating(version: int) -> dict[str, object]:
    return {
        "rate_sheet_version_id": version,
        "rate_per_minute": Decimal("0.0181"),
        "adjusted_seconds": 60,
        "cost": Decimal("0.0181"),
        "currency": "USD",
    }
