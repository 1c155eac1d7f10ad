"""The billable peak of a cycle: concurrent licences, without shift changes."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection

from billing.models import Charge, Subscription
from reports.summaries.billable_peak import billable_peak
from tests.factories import instant, make_charge, make_entity, make_session, make_subscription
from tests.report_files import make_scope
from usage.models import Entity, LoginSession

pytestmark = pytest.mark.django_db

DAYS = "2026-03-21..2026-04-21"


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


@pytest.fixture
def concurrent() -> Charge:
    return make_charge(name="CX 2 Concurrent", basis="concurrent")


def peak(subscription: Subscription, days: str = DAYS) -> int:
    return billable_peak(connection, make_scope(subscription, days))


def log_in(subscription: Subscription, charge: Charge, *, users: int, at: datetime, minutes: float) -> None:
    """Log in this many new users at the same time."""
    account = subscription.account
    first = Entity.objects.count()
    entities = Entity.objects.bulk_create(
        Entity(account=account, kind="user", identifier=f"user{first + number}@acme.example") for number in range(users)
    )
    LoginSession.objects.bulk_create(
        LoginSession(
            account=account,
            session_id=f"S-{entity.pk}",
            entity=entity,
            charge=charge,
            started_at=at,
            ended_at=at + timedelta(minutes=minutes),
        )
        for entity in entities
    )


def test_the_published_example(subscription: Subscription, concurrent: Charge) -> None:
    log_in(subscription, concurrent, users=500, at=instant("2026-03-25T08:00"), minutes=31 + 6)
    log_in(subscription, concurrent, users=3, at=instant("2026-03-25T08:31"), minutes=6)

    assert peak(subscription) == 500


@pytest.mark.parametrize(("minutes", "expected"), [(30, 3), (29.999, 2)])
def test_time_at_higher_numbers_counts_for_the_lower_ones_and_days_add_up(
    minutes: float, expected: int, subscription: Subscription, concurrent: Charge
) -> None:
    log_in(subscription, concurrent, users=2, at=instant("2026-03-25T08:00"), minutes=60)
    log_in(subscription, concurrent, users=1, at=instant("2026-03-25T08:00"), minutes=10)
    log_in(subscription, concurrent, users=4, at=instant("2026-04-01T08:00"), minutes=minutes - 10)

    assert peak(subscription) == expected


def test_users_of_other_charges_and_times_outside_the_cycle_do_not_count(
    subscription: Subscription, concurrent: Charge
) -> None:
    log_in(subscription, make_charge(basis="named"), users=5, at=instant("2026-03-25T08:00"), minutes=60)
    log_in(subscription, concurrent, users=3, at=instant("2026-04-21T23:31"), minutes=60)

    assert peak(subscription) == 0
    assert peak(subscription, "2026-04-22..2026-05-21") == 3


def test_a_user_with_two_concurrent_charges_at_once_is_one_user(subscription: Subscription, concurrent: Charge) -> None:
    user = make_entity(account=subscription.account)
    for charge in (concurrent, make_charge(basis="concurrent")):
        make_session(
            entity=user, charge=charge, started_at=instant("2026-03-25T08:00"), ended_at=instant("2026-03-25T09:00")
        )

    assert peak(subscription) == 1
