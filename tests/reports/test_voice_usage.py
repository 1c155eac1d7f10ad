"""Voice Usage: every call that started in the range."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from billing.models import Subscription
from tests.factories import instant, make_account, make_call, make_rate, make_subscription, make_version
from tests.report_files import report

pytestmark = pytest.mark.django_db

HEADING = (
    "SIP Call Id,Origin,Destination,Usage Group,Usage Group Display,Call Type,Direction,Start time,End Time,"
    "Duration (Seconds),Adjusted Duration (seconds),Adjusted Duration (minutes),Usage Rate Per Minute,Total cost,"
    "Currency,Rate Sheet"
)


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


def test_a_rated_call_shows_how_it_was_rated(subscription: Subscription) -> None:
    version = make_version(currency="USD")
    version.rate_sheet.name = "Standard, 2026"
    version.rate_sheet.save()
    make_rate(version=version, code="US-FIXED")
    make_call(
        account=subscription.account,
        sip_call_id="a-1",
        started_at=instant("2026-03-22T09:14:03.999"),
        ended_at=instant("2026-03-22T09:14:58.000"),
        rate_sheet_version=version,
        rate_per_minute=Decimal("0.0181"),
        adjusted_seconds=60,
        cost=Decimal("0.0181"),
        currency="USD",
    )

    assert report("voice-usage", subscription, "2026-03-22") == [
        HEADING,
        (
            "a-1,+14155550100,+14155550101,US-FIXED,Us-Fixed,voice,Outbound,"
            '2026-03-22T09:14:03.999Z,2026-03-22T09:14:58.000Z,55,60,1.0,0.0181,0.0181,USD,"Standard, 2026"'
        ),
    ]


def test_an_unrated_call_is_listed_with_empty_cells_where_rating_would_fill_them(subscription: Subscription) -> None:
    version = make_version()
    make_rate(version=version, code="US-FIXED")
    for sip_call_id, usage_group, sheet in [
        ("no sheet", "US-FIXED", None),
        ("group known", "US-FIXED", version),
        ("other group", "UK-MOBILE", version),
    ]:
        make_call(
            account=subscription.account,
            started_at=instant("2026-03-22T09:00"),
            seconds=12,
            sip_call_id=sip_call_id,
            usage_group=usage_group,
            rate_sheet_version=sheet,
        )

    lines = report("voice-usage", subscription, "2026-03-22")[1:]

    assert [(line.split(",")[0], line.split(",")[4], line.split(",", 9)[9]) for line in lines] == [
        ("group known", "Us-Fixed", "12,,,,,,"),
        ("no sheet", "US-FIXED", "12,,,,,,"),
        ("other group", "UK-MOBILE", "12,,,,,,"),
    ]


@pytest.mark.parametrize(
    ("adjusted_seconds", "rate", "cost", "cells"),
    [
        (0, "0.047", "0", "0,0.0,0.047,0.0000"),
        (1, "0.0119", "0.0002", "1,0.0167,0.0119,0.0002"),
        (36, "1", "0.6", "36,0.6,1.0,0.6000"),
        (100, "0.010500", "0.0175", "100,1.6667,0.0105,0.0175"),
        (3_600_000, "123456.123456", "7407367407.36", "3600000,60000.0,123456.123456,7407367407.3600"),
    ],
)
def test_amounts_have_the_decimals_that_they_need(
    subscription: Subscription, adjusted_seconds: int, rate: str, cost: str, cells: str
) -> None:
    make_call(
        account=subscription.account,
        started_at=instant("2026-03-22T09:00"),
        rate_sheet_version=make_version(),
        rate_per_minute=Decimal(rate),
        adjusted_seconds=adjusted_seconds,
        cost=Decimal(cost),
        currency="USD",
    )

    assert f",{cells},USD," in report("voice-usage", subscription, "2026-03-22")[1]


def test_minutes_are_rounded_half_up_whatever_the_second(subscription: Subscription) -> None:
    version = make_version()
    longest = 10**13  # longer than any two instants are apart
    for seconds in [*range(61), 3599, 86_399, longest - 1, longest]:
        make_call(
            account=subscription.account,
            sip_call_id=str(seconds),
            started_at=instant("2026-03-22T09:00"),
            rate_sheet_version=version,
            rate_per_minute=Decimal(1),
            adjusted_seconds=seconds,
            cost=Decimal(0),
            currency="USD",
        )

    lines = report("voice-usage", subscription, "2026-03-22")[1:]
    assert len(lines) == 65
    for line in lines:
        cells = line.split(",")
        exact = Fraction(int(cells[0]), 60)
        assert abs(Fraction(cells[11]) - exact) <= Fraction(1, 20_000)
        assert 1 <= len(cells[11].partition(".")[2]) <= 4


def test_calls_come_by_their_exact_start_then_by_id_and_belong_to_the_day_of_their_start(
    subscription: Subscription,
) -> None:
    for sip_call_id, started_at in [
        ("late", "2026-03-22T23:59:59.999"),
        ("B", "2026-03-22T09:00:00.001"),
        ("a", "2026-03-22T09:00:00.001"),
        ("z", "2026-03-22T09:00:00.000"),
        ("before", "2026-03-21T23:59:59.999"),
        ("after", "2026-03-23T00:00"),
    ]:
        make_call(account=subscription.account, sip_call_id=sip_call_id, started_at=instant(started_at), seconds=7200)
    make_call(account=make_account(), started_at=instant("2026-03-22T09:00"))

    lines = report("voice-usage", subscription, "2026-03-22")[1:]

    assert [line.split(",")[0] for line in lines] == ["z", "B", "a", "late"]


def test_a_started_second_counts(subscription: Subscription) -> None:
    make_call(
        account=subscription.account,
        started_at=instant("2026-03-22T09:00:00.999"),
        ended_at=instant("2026-03-22T09:00:03.000"),
    )

    assert report("voice-usage", subscription, "2026-03-22")[1].endswith(
        "T09:00:00.999Z,2026-03-22T09:00:03.000Z,3,,,,,,"
    )
