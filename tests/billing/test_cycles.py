"""Billing cycles: the published example as written, and what holds for every activation day under both policies."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cycles import Contract, Cycle, CyclePolicy, DateRange, RangeError, anniversary

ONE_DAY = timedelta(days=1)
PUBLISHED = Contract(date(2017, 10, 21))
BEFORE = CyclePolicy.BEFORE_ANNIVERSARY

days = st.dates(date(1990, 1, 1), date(2090, 1, 1))
policies = st.sampled_from(CyclePolicy)


def as_text(days: DateRange | None) -> str | None:
    return f"{days.date_from}..{days.date_through}" if days else None


def test_the_published_example() -> None:
    assert PUBLISHED.cycle(0) == Cycle(0, date(2017, 10, 21), date(2017, 11, 21))
    assert PUBLISHED.cycle(1) == Cycle(1, date(2017, 11, 22), date(2017, 12, 21))
    assert PUBLISHED.cycle(2) == Cycle(2, date(2017, 12, 22), date(2018, 1, 21))
    assert as_text(PUBLISHED.current_range(date(2017, 11, 19))) == "2017-10-21..2017-11-18"
    assert as_text(PUBLISHED.current_range(date(2017, 11, 24))) == "2017-11-22..2017-11-23"


def test_the_other_policy_starts_the_next_cycle_on_the_anniversary() -> None:
    contract = Contract(date(2017, 10, 21), BEFORE)

    assert contract.cycle(0) == Cycle(0, date(2017, 10, 21), date(2017, 11, 20))
    assert contract.cycle(1) == Cycle(1, date(2017, 11, 21), date(2017, 12, 20))


@given(days, policies)
def test_cycles_tile_the_time_from_the_activation_with_no_gap_or_overlap(activated_on: date, policy: str) -> None:
    contract = Contract(activated_on, CyclePolicy(policy))
    cycles = [contract.cycle(index) for index in range(30)]

    assert cycles[0].first_day == activated_on
    assert all(cycle.first_day <= cycle.last_day for cycle in cycles)
    assert all(later.first_day == earlier.last_day + ONE_DAY for earlier, later in pairwise(cycles))
    assert all(28 <= cycle.days <= 32 for cycle in cycles)


def test_cycles_tile_the_time_from_every_day_of_a_leap_year_and_of_the_year_after() -> None:
    for number in range(731):
        for policy in CyclePolicy:
            contract = Contract(date(2024, 1, 1) + number * ONE_DAY, policy)
            cycles = [contract.cycle(index) for index in range(26)]
            assert all(later.first_day == earlier.last_day + ONE_DAY for earlier, later in pairwise(cycles))


@given(days, policies, st.integers(0, 2000))
def test_each_day_lies_in_the_cycle_that_is_found_for_it(activated_on: date, policy: CyclePolicy, later: int) -> None:
    contract, day = Contract(activated_on, policy), activated_on + later * ONE_DAY

    cycle = contract.cycle_on(day)

    assert cycle.first_day <= day <= cycle.last_day
    assert contract.cycle(cycle.index) == cycle


@given(days, st.integers(0, 240))
def test_anniversaries_never_drift(activated_on: date, months: int) -> None:
    day = anniversary(activated_on, months)

    assert (day.year - activated_on.year) * 12 + day.month - activated_on.month == months
    assert day.day == activated_on.day or (day.day < activated_on.day and (day + ONE_DAY).day == 1)


def test_a_month_without_the_day_uses_its_last_day_and_the_next_month_has_it_back() -> None:
    contract = Contract(date(2024, 1, 31))

    assert [contract.cycle(index).last_day for index in range(4)] == [
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
        date(2024, 5, 31),
    ]


@given(days, policies, st.integers(0, 400), st.integers(0, 400))
def test_the_cycles_touching_a_range_are_those_of_its_days(
    activated_on: date, policy: CyclePolicy, first: int, length: int
) -> None:
    contract = Contract(activated_on, policy)
    date_from = activated_on + first * ONE_DAY
    date_through = date_from + length * ONE_DAY

    cycles = list(contract.cycles_touching(DateRange(date_from, date_through)))

    assert cycles == sorted(cycles, key=lambda cycle: cycle.index)
    assert {cycle.index for cycle in cycles} == {
        contract.cycle_on(date_from + number * ONE_DAY).index for number in range(length + 1)
    }


def test_data_is_available_from_the_activation_through_yesterday() -> None:
    assert PUBLISHED.available(date(2017, 10, 20)) is None
    assert PUBLISHED.available(date(2017, 10, 21)) is None
    assert as_text(PUBLISHED.available(date(2017, 10, 22))) == "2017-10-21..2017-10-21"
    assert as_text(PUBLISHED.available(date(2019, 1, 1))) == "2017-10-21..2018-12-31"


@pytest.mark.parametrize(
    ("today", "default"),
    [
        (date(2017, 10, 21), None),  # the activation day
        (date(2017, 10, 22), "2017-10-21..2017-10-21"),
        (date(2017, 11, 19), "2017-10-21..2017-11-18"),
        (date(2017, 11, 21), "2017-10-21..2017-11-20"),
        (date(2017, 11, 22), "2017-10-21..2017-11-21"),  # a cycle's first day: the one before
        (date(2017, 11, 23), "2017-11-22..2017-11-22"),
        (date(2017, 12, 22), "2017-11-22..2017-12-21"),
    ],
)
def test_a_new_report_covers_the_current_cycle_so_far(today: date, default: str | None) -> None:
    assert as_text(PUBLISHED.default_range(today)) == default


@pytest.mark.parametrize(
    ("today", "cycle", "available", "default"),
    [
        (date(2017, 12, 9), (1, 22, 10), "2017-10-21..2017-12-08", "2017-11-22..2017-12-08"),
        (date(2017, 12, 10), (1, 22, 10), "2017-10-21..2017-12-09", "2017-11-22..2017-12-09"),
        (date(2017, 12, 11), (1, 22, 10), "2017-10-21..2017-12-10", "2017-11-22..2017-12-10"),
        (date(2026, 1, 1), (1, 22, 10), "2017-10-21..2017-12-10", "2017-11-22..2017-12-10"),
    ],
)
def test_after_its_end_a_subscription_stays_in_its_last_cycle(
    today: date, cycle: tuple[int, int, int], available: str, default: str
) -> None:
    contract = Contract(date(2017, 10, 21), ended_on=date(2017, 12, 10))

    current = contract.current_cycle(today)

    assert (current.index, current.first_day.day, current.last_day.day) == cycle
    assert as_text(contract.available(today)) == available
    assert as_text(contract.default_range(today)) == default


def test_a_subscription_that_ends_on_a_cycles_first_day_reports_that_day_once_it_is_over() -> None:
    contract = Contract(date(2017, 10, 21), ended_on=date(2017, 11, 22))

    assert as_text(contract.default_range(date(2017, 11, 22))) == "2017-10-21..2017-11-21"
    assert as_text(contract.default_range(date(2017, 11, 23))) == "2017-11-22..2017-11-22"


@given(days, policies, st.integers(1, 800), st.none() | st.integers(0, 400))
def test_the_default_range_lies_inside_one_cycle_and_the_available_window(
    activated_on: date, policy: CyclePolicy, later: int, length: int | None
) -> None:
    ended_on = None if length is None else activated_on + length * ONE_DAY
    contract, today = Contract(activated_on, policy, ended_on), activated_on + later * ONE_DAY

    default = contract.default_range(today)

    assert default is not None
    assert default.within(contract.available(today)) == default
    assert len(list(contract.cycles_touching(default))) == 1


def test_a_range_outside_the_window_is_refused_by_a_sentence_that_names_the_window() -> None:
    window = PUBLISHED.available(date(2017, 11, 24))

    for date_from, date_through in [(20, 21), (21, 25)]:
        asked = DateRange(date(2017, 10, date_from), date(2017, 10 if date_through == 21 else 11, date_through))
        with pytest.raises(RangeError, match="data is available from 2017-10-21 through 2017-11-23"):
            asked.within(window)


def test_while_there_is_nothing_yet_every_range_is_refused() -> None:
    with pytest.raises(RangeError, match="usage appears on the following day"):
        DateRange(date(2017, 10, 21), date(2017, 10, 21)).within(PUBLISHED.available(date(2017, 10, 21)))


def test_a_range_never_begins_after_it_ends() -> None:
    with pytest.raises(RangeError, match="The range begins on 2017-10-22, after it ends on 2017-10-21"):
        DateRange(date(2017, 10, 22), date(2017, 10, 21))


def test_there_is_no_cycle_before_the_activation() -> None:
    with pytest.raises(RangeError, match="2017-10-20 is before the activation on 2017-10-21"):
        PUBLISHED.cycle_on(date(2017, 10, 20))
    with pytest.raises(ValueError, match="count from 0"):
        PUBLISHED.cycle(-1)


def test_a_cycle_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(RangeError, match="the calendar ends before"):
        PUBLISHED.cycle_on(date(9999, 12, 31))


@pytest.mark.parametrize(
    ("policy", "last_day"),
    [
        (CyclePolicy.THROUGH_ANNIVERSARY, date(9999, 12, 31)),
        (CyclePolicy.BEFORE_ANNIVERSARY, date(9999, 12, 30)),
    ],
)
def test_a_cycle_may_end_with_the_calendar(policy: CyclePolicy, last_day: date) -> None:
    contract = Contract(date(2017, 10, 31), policy, ended_on=date(9999, 12, 31))

    assert contract.current_cycle(date(9999, 12, 1)).last_day == last_day


def test_a_range_is_a_half_open_period_in_utc() -> None:
    days = DateRange(date(2017, 10, 21), date(2017, 10, 22))

    assert days.period == (datetime(2017, 10, 21, tzinfo=UTC), datetime(2017, 10, 23, tzinfo=UTC))
    assert days.days == 2
    assert date(2017, 10, 22) in days
    assert date(2017, 10, 23) not in days
