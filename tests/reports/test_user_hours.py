"""User Hour Usage: how long each user was logged in, each day."""

from datetime import date

import pytest
from django.db import connection

from billing.models import Subscription
from reports import types
from reports.engine.write import expected_rows
from tests.factories import instant, make_account, make_entity, make_session, make_subscription
from tests.report_files import make_scope, report
from usage.models import EntityKind

pytestmark = pytest.mark.django_db

HEADING = "User,Date,Duration"


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


def log_in(subscription: Subscription, user: str, *sessions: tuple[str, str | None]) -> None:
    """Create a user with these sessions."""
    entity = make_entity(account=subscription.account, identifier=f"{user}@acme.example")
    for start, end in sessions:
        make_session(entity=entity, started_at=instant(start), ended_at=instant(end) if end else None, billable=False)


def test_overlapping_sessions_of_a_day_are_merged_and_others_added(subscription: Subscription) -> None:
    log_in(subscription, "ben", ("2026-03-22T08:00", "2026-03-22T09:00"))
    log_in(
        subscription,
        "ana",
        ("2026-03-22T08:00", "2026-03-22T10:00"),
        ("2026-03-22T09:00", "2026-03-22T14:59:59.999"),
        ("2026-03-22T20:00", "2026-03-22T20:05:09.043"),
    )

    assert report("user-hours", subscription, "2026-03-22") == [
        HEADING,
        "ana@acme.example,2026-03-22,07:05:09:042",
        "ben@acme.example,2026-03-22,01:00:00:000",
    ]


def test_midnight_splits_a_session_and_a_full_day_has_24_hours(subscription: Subscription) -> None:
    log_in(subscription, "ana", ("2026-03-20T12:00", "2026-03-23T00:00:00.001"))

    assert report("user-hours", subscription, "2026-03-21..2026-03-24")[1:] == [
        "ana@acme.example,2026-03-21,24:00:00:000",
        "ana@acme.example,2026-03-22,24:00:00:000",
        "ana@acme.example,2026-03-23,00:00:00:001",
    ]


def test_only_the_days_of_the_range_have_rows(subscription: Subscription) -> None:
    log_in(subscription, "ana", ("2026-03-21T23:00", "2026-03-23T01:00"), ("2026-03-22T23:00", "2026-03-23T02:00"))

    assert report("user-hours", subscription, "2026-03-22")[1:] == ["ana@acme.example,2026-03-22,24:00:00:000"]


def test_an_end_at_midnight_gives_the_next_day_no_row(subscription: Subscription) -> None:
    log_in(subscription, "ana", ("2026-03-22T23:59:59.999", "2026-03-23T00:00"))

    assert report("user-hours", subscription, "2026-03-21..2026-03-24")[1:] == [
        "ana@acme.example,2026-03-22,00:00:00:001"
    ]


def test_a_session_still_open_counts_up_to_the_end_of_the_subscription(subscription: Subscription) -> None:
    subscription.ended_on = date(2026, 3, 23)
    log_in(subscription, "ana", ("2026-03-22T18:00", None))

    assert report("user-hours", subscription, "2026-03-22..2026-03-23")[1:] == [
        "ana@acme.example,2026-03-22,06:00:00:000",
        "ana@acme.example,2026-03-23,24:00:00:000",
    ]


def test_logins_that_ended_at_once_devices_and_other_accounts_have_no_row(subscription: Subscription) -> None:
    log_in(subscription, "ana", ("2026-03-22T08:00", "2026-03-22T08:00"))
    phone = make_entity(account=subscription.account, kind=EntityKind.DEVICE)
    for entity in (phone, make_entity(account=make_account())):
        make_session(entity=entity, started_at=instant("2026-03-22T08:00"), ended_at=instant("2026-03-22T09:00"))

    assert report("user-hours", subscription, "2026-03-21..2026-03-24") == [HEADING]


def test_the_rows_to_come_are_counted_without_logins_that_ended_at_once_and_each_day_once(
    subscription: Subscription,
) -> None:
    log_in(subscription, "ana", ("2026-03-22T08:00", "2026-03-22T08:00"))
    log_in(subscription, "ben", ("2026-03-22T08:00", "2026-03-23T09:00"), ("2026-03-23T08:00", "2026-03-24T00:00"))
    scope = make_scope(subscription, "2026-03-21..2026-03-24")

    assert expected_rows(connection, types.by_slug("user-hours"), scope) == 2
