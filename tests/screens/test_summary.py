"""Every number of the Subscription screen equals the report of the same range."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.cycles import DateRange
from billing.models import Subscription
from reports.engine.write import scope_of
from reports.screens.subscriptions.numbers import MissingRate, Numbers, missing_rates, numbers_of
from tests.acme import CYCLE_SO_FAR, TODAY, make_acme
from tests.factories import make_subscription
from tests.report_files import report_rows

RANGES = [
    CYCLE_SO_FAR,
    DateRange(date(2017, 10, 21), date(2017, 11, 21)),
    DateRange(date(2017, 11, 20), date(2017, 11, 23)),
]


def numbers(subscription: Subscription, days: DateRange = CYCLE_SO_FAR) -> Numbers:
    (found,) = numbers_of([scope_of(subscription, days, TODAY)])
    return found


@pytest.mark.parametrize("days", RANGES)
def test_the_entities_are_the_distinct_ones_of_billable_usage(subscription: Subscription, days: DateRange) -> None:
    rows = report_rows("billable-usage", subscription, days)
    assert numbers(subscription, days).entities == len({row["Entity"] for row in rows}) < len(rows) + 1


def test_a_user_under_two_charges_is_counted_once(subscription: Subscription) -> None:
    assert len(report_rows("billable-usage", subscription)) == 4
    assert numbers(subscription).entities == 3


@pytest.mark.parametrize("days", RANGES)
def test_the_peaks_are_those_of_concurrent_usage(subscription: Subscription, days: DateRange) -> None:
    rows = report_rows("concurrent-usage", subscription, days)
    peaks = [int(row["Peak Concurrent Users"]) for row in rows]
    found = numbers(subscription, days)
    assert list(found.daily_peaks) == peaks
    assert found.peak.users == max(peaks)
    assert found.peak.day.isoformat() == rows[peaks.index(max(peaks))]["Date"]


def test_of_days_with_the_same_peak_the_first_is_named(subscription: Subscription) -> None:
    found = numbers(subscription)
    assert found.daily_peaks == (2, 2)
    assert found.peak.day == date(2017, 11, 22)


@pytest.mark.parametrize("days", RANGES)
def test_the_calls_and_their_costs_are_those_of_voice_usage(subscription: Subscription, days: DateRange) -> None:
    rows = report_rows("voice-usage", subscription, days)
    costs: dict[str, Decimal] = {}
    for row in rows:
        if row["Currency"]:
            costs[row["Currency"]] = costs.get(row["Currency"], Decimal(0)) + Decimal(row["Total cost"])
    found = numbers(subscription, days)
    assert found.calls == len(rows)
    assert found.unrated == sum(not row["Usage Rate Per Minute"] for row in rows)
    assert {cost.currency: cost.amount for cost in found.costs} == costs


def test_costs_are_summed_exactly_per_currency(subscription: Subscription) -> None:
    assert [(cost.currency, cost.amount) for cost in numbers(subscription).costs] == [
        ("EUR", Decimal("0.0049")),
        ("USD", Decimal("1000.0050")),
    ]


def test_the_missing_rates_add_up_to_the_unrated_calls(subscription: Subscription) -> None:
    missing = missing_rates(scope_of(subscription, CYCLE_SO_FAR, TODAY))
    assert missing == [MissingRate("MARS", "voice", "Outbound", 2), MissingRate("VENUS", "voice", "Inbound", 1)]
    assert numbers(subscription).unrated == 3


def test_each_subscription_gets_its_own_numbers_in_three_queries(subscription: Subscription) -> None:
    others = [make_subscription(), make_acme(name="Another")]
    scopes = [scope_of(each, CYCLE_SO_FAR, TODAY) for each in (others[0], subscription, others[1])]
    with CaptureQueriesContext(connection) as queries:
        found = numbers_of(scopes)
    assert len(queries) == 3
    assert [each.calls for each in found] == [0, 6, 6]
    assert found[1:] == [numbers(subscription), numbers(others[1])]
    assert found[0].peak.users == found[0].entities == 0


def test_of_no_subscription_there_are_no_numbers(db: None) -> None:
    assert numbers_of([]) == []
