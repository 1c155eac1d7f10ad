"""Concurrent Usage: the daily peak of distinct users, and the minutes spent exactly at it."""

from datetime import date

import pytest

from billing.models import Subscription
from tests.factories import instant, make_account, make_entity, make_session, make_subscription
from tests.report_files import report
from usage.models import EntityKind

pytestmark = pytest.mark.django_db

HEADING = "Date,Peak Concurrent Users,Minutes at Peak"


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


def log_in(subscription: Subscription, *sessions: tuple[str, str | None]) -> None:
    """Create one user with these sessions."""
    user = make_entity(account=subscription.account)
    for start, end in sessions:
        make_session(entity=user, started_at=instant(start), ended_at=instant(end) if end else None, billable=False)


def test_the_minutes_are_the_whole_time_of_the_day_at_the_peak(subscription: Subscription) -> None:
    log_in(subscription, ("2026-03-22T08:00", "2026-03-22T17:00"))
    log_in(subscription, ("2026-03-22T09:00", "2026-03-22T09:10:00.300"), ("2026-03-22T12:00", "2026-03-22T12:05"))

    assert report("concurrent-usage", subscription, "2026-03-22") == [HEADING, "2026-03-22,2,15.01"]


def test_a_user_with_two_browsers_open_is_one_user(subscription: Subscription) -> None:
    log_in(
        subscription,
        ("2026-03-22T08:00", "2026-03-22T10:00"),
        ("2026-03-22T09:00", "2026-03-22T11:00"),
        ("2026-03-22T11:00", "2026-03-22T12:00"),
    )

    assert report("concurrent-usage", subscription, "2026-03-22")[1:] == ["2026-03-22,1,240.00"]


def test_a_shift_change_at_one_instant_is_no_peak(subscription: Subscription) -> None:
    log_in(subscription, ("2026-03-22T08:00", "2026-03-22T12:00"))
    log_in(subscription, ("2026-03-22T12:00", "2026-03-22T16:00"))

    assert report("concurrent-usage", subscription, "2026-03-22")[1:] == ["2026-03-22,1,480.00"]


def test_a_login_that_ended_at_once_adds_no_user(subscription: Subscription) -> None:
    log_in(subscription, ("2026-03-22T08:00", "2026-03-22T08:00"))

    assert report("concurrent-usage", subscription, "2026-03-22")[1:] == ["2026-03-22,0,0.00"]


def test_every_day_of_the_range_has_its_row(subscription: Subscription) -> None:
    log_in(subscription, ("2026-03-22T23:00", "2026-03-23T01:30"))

    assert report("concurrent-usage", subscription, "2026-03-21..2026-03-24") == [
        HEADING,
        "2026-03-21,0,0.00",
        "2026-03-22,1,60.00",
        "2026-03-23,1,90.00",
        "2026-03-24,0,0.00",
    ]


def test_what_reaches_over_the_edges_of_the_range_or_began_before_the_activation_counts_for_its_part_inside(
    subscription: Subscription,
) -> None:
    log_in(subscription, ("2026-03-19T00:00", "2026-03-21T06:00"))
    log_in(subscription, ("2026-03-21T05:00", "2026-03-25T00:00"))

    assert report("concurrent-usage", subscription, "2026-03-21")[1:] == ["2026-03-21,2,60.00"]


def test_a_session_still_open_counts_up_to_the_end_of_the_last_available_day(subscription: Subscription) -> None:
    log_in(subscription, ("2026-03-22T18:00", None))

    assert report("concurrent-usage", subscription, "2026-03-22..2026-03-23", today="2026-03-24")[1:] == [
        "2026-03-22,1,360.00",
        "2026-03-23,1,1440.00",
    ]


def test_devices_and_other_accounts_do_not_count(subscription: Subscription) -> None:
    day = (instant("2026-03-22T08:00"), instant("2026-03-22T09:00"))
    phone = make_entity(account=subscription.account, kind=EntityKind.DEVICE)
    for entity in (phone, make_entity(account=make_account())):
        make_session(entity=entity, started_at=day[0], ended_at=day[1])

    assert report("concurrent-usage", subscription, "2026-03-22")[1:] == ["2026-03-22,0,0.00"]


@pytest.mark.parametrize(
    ("milliseconds", "minutes"), [("299", "0.00"), ("300", "0.01"), ("899", "0.01"), ("900", "0.02")]
)
def test_minutes_are_rounded_half_up(subscription: Subscription, milliseconds: str, minutes: str) -> None:
    log_in(subscription, ("2026-03-22T08:00", f"2026-03-22T08:00:00.{milliseconds}"))

    assert report("concurrent-usage", subscription, "2026-03-22")[1:] == [f"2026-03-22,1,{minutes}"]
