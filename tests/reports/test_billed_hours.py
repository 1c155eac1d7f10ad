"""The billed hours of a cycle, per hourly charge."""

from datetime import date, timedelta

import pytest
from django.db import connection

from billing.models import Subscription
from reports.summaries.billed_hours import billed_hours
from tests.factories import instant, make_charge, make_entity, make_session, make_subscription
from tests.report_files import make_scope
from usage.models import Entity, EntityKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


def hours(subscription: Subscription) -> dict[str, int]:
    return billed_hours(connection, make_scope(subscription, "2026-03-21..2026-04-21"))


def test_the_published_example(subscription: Subscription) -> None:
    charge = make_charge(name="CX 1 Hourly", basis="hourly")
    for worked in (112.23, 110.11):
        start = instant("2026-03-25T08:00")
        user = make_entity(account=subscription.account)
        make_session(entity=user, charge=charge, started_at=start, ended_at=start + timedelta(hours=worked))

    assert hours(subscription) == {"CX 1 Hourly": 223}


def test_a_whole_number_of_hours_is_not_rounded_up_and_a_started_one_is(subscription: Subscription) -> None:
    user = make_entity(account=subscription.account)
    for name, end in [("even", "2026-03-25T10:00"), ("started", "2026-03-25T10:00:00.001")]:
        charge = make_charge(name=name, basis="hourly")
        make_session(entity=user, charge=charge, started_at=instant("2026-03-25T08:00"), ended_at=instant(end))

    assert hours(subscription) == {"even": 2, "started": 3}


def test_a_users_overlapping_sessions_are_merged_per_charge(subscription: Subscription) -> None:
    one, other = make_charge(name="one", basis="hourly"), make_charge(name="other", basis="hourly")
    user: Entity = make_entity(account=subscription.account)
    for charge, start, end in [(one, "08:00", "10:00"), (one, "09:00", "11:00"), (other, "08:00", "10:00")]:
        make_session(
            entity=user,
            charge=charge,
            started_at=instant(f"2026-03-25T{start}"),
            ended_at=instant(f"2026-03-25T{end}"),
        )

    assert hours(subscription) == {"one": 3, "other": 2}


def test_other_charges_sessions_that_are_not_billable_and_devices_are_not_billed_by_the_hour(
    subscription: Subscription,
) -> None:
    hourly, named = make_charge(basis="hourly"), make_charge(basis="named")
    user = make_entity(account=subscription.account)
    phone = make_entity(account=subscription.account, kind=EntityKind.DEVICE)
    start, end = instant("2026-03-25T08:00"), instant("2026-03-25T10:00")
    make_session(entity=user, charge=named, started_at=start, ended_at=end)
    make_session(entity=user, charge=hourly, started_at=start, ended_at=end, billable=False)
    make_session(entity=phone, charge=hourly, started_at=start, ended_at=end)

    assert hours(subscription) == {}
