"""The demo's rows: repeatable, complete day by day, and with everything that a demo should show."""

import os
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from billing.cycles import Contract, CyclePolicy
from demo.companies import ACME, BRIGHTLINE, COMPANIES, LUMIERE, subscriptions
from demo.phone_numbers import RANGES
from demo.resources import STORAGE
from demo.world import DAILY_KINDS, LASTING_KINDS, World, write_file
from tests.demo.worlds import LOADED_ON, YESTERDAY, by_key, cells, days_through, small_world, usage

DIGEST = """
from pathlib import Path
from tests.demo.test_world import digest
from tests.demo.worlds import small_world
print(digest(small_world(), Path({folder!r})))
"""


def digest(world: World, folder: Path) -> str:
    """Return one hash over all files of a world."""
    days = days_through(world, YESTERDAY)
    files = [write_file(folder, kind, world.lasting_rows(kind)) for kind in LASTING_KINDS]
    files += [write_file(folder, kind, world.daily_rows(kind, days, YESTERDAY)) for kind in DAILY_KINDS]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@pytest.mark.processes
def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    other = subprocess.run(
        [sys.executable, "-c", DIGEST.format(folder=str(there))],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest(small_world(), here)


def test_another_seed_gives_other_people_and_calls() -> None:
    one, other = small_world(seed=1), small_world(seed=2)
    assert list(one.lasting_rows("users")) != list(other.lasting_rows("users"))
    assert usage(one, YESTERDAY)["calls"] != usage(other, YESTERDAY)["calls"]


@pytest.mark.parametrize("kind", DAILY_KINDS)
@pytest.mark.parametrize("days_later", [1, 2, 9])
def test_days_added_later_give_what_all_at_once_would_have_given(kind: str, days_later: int) -> None:
    world, later = small_world(), YESTERDAY + timedelta(days=days_later)
    at_once = usage(world, later)[kind]
    in_two_steps = usage(world, YESTERDAY)[kind] + usage(world, later, after=YESTERDAY)[kind]
    assert by_key(kind, in_two_steps) == by_key(kind, at_once)
    assert len(at_once) == len(by_key(kind, at_once))


def test_days_added_later_bring_little_of_what_was_there_before() -> None:
    world, later = small_world(), YESTERDAY + timedelta(days=1)
    before = by_key("sessions", usage(world, YESTERDAY)["sessions"])
    again = set(by_key("sessions", usage(world, later, after=YESTERDAY)["sessions"])) & set(before)
    were_open = {key for key, row in before.items() if row[5] == ""}
    assert again == were_open
    assert were_open


def test_the_sessions_show_everything_that_the_reports_must_get_right() -> None:
    rows = cells(
        "sessions", usage(small_world(), YESTERDAY)["sessions"], "entity", "started_at", "ended_at", "billable"
    )
    assert {billable for *_times, billable in rows} == {"true", "false"}
    assert any(start == end for _entity, start, end, _billable in rows)
    assert any(start[:10] < end[:10] for _entity, start, end, _billable in rows if end)
    assert any(end == "" for *_start, end, _billable in rows)
    by_entity = defaultdict(list)
    for entity, start, end, _billable in rows:
        by_entity[entity].append((start, end))
    assert any(before[1] > after[0] for own in by_entity.values() for before, after in pairwise(sorted(own)))


def test_no_session_and_no_call_ends_before_it_starts_or_is_known_before_it_happens() -> None:
    rows = usage(small_world(scale=0.2), YESTERDAY)
    for start, end in cells("sessions", rows["sessions"], "started_at", "ended_at"):
        assert start < "2026-11-22"
        assert end == "" or start <= end < "2026-11-22"
    assert all(start <= end < "2026-11-22" for start, end in cells("calls", rows["calls"], "start_time", "end_time"))


def test_usage_begins_three_months_back_and_goes_through_yesterday_on_every_day() -> None:
    world = small_world()
    rows = usage(world, YESTERDAY)["resource_usage"]
    days = {(account, day) for account, day, resource, _quantity in rows if resource == STORAGE}
    of_acme = sorted(str(day) for account, day in days if account == "ACME")
    assert (of_acme[0], of_acme[-1], len(of_acme)) == ("2026-08-23", "2026-11-21", 91)
    assert "LUMIERE" not in {account for account, _day in days}
    assert list(world.days_of_usage(LUMIERE, LOADED_ON)) == [LOADED_ON]


def test_a_demo_of_full_size_has_about_a_hundred_thousand_calls() -> None:
    world = World(1, LOADED_ON)
    a_week = [YESTERDAY - timedelta(days=number) for number in reversed(range(7))]
    calls = list(world.daily_rows("calls", {company: a_week for company in COMPANIES if company != LUMIERE}, YESTERDAY))
    assert 95_000 < len(calls) * 13 < 110_000


def test_some_calls_find_no_rate_on_the_sheet_and_most_do() -> None:
    world = World(1, LOADED_ON)
    rates = set(cells("rates", list(world.lasting_rows("rates")), "usage_group", "call_type"))
    assert ("US-FIXED", "National") in rates
    calls = cells("calls", usage(small_world(scale=0.2), YESTERDAY)["calls"], "usage_group", "call_type")
    unrated = [call for call in calls if call not in rates]
    assert 0 < len(unrated) < len(calls) / 100


def test_every_number_is_from_a_range_kept_for_fiction_and_every_address_from_an_example_domain() -> None:
    world = small_world()
    prefixes = tuple(prefix for numbers in RANGES.values() for prefix in numbers.prefixes)
    for pair in cells("calls", usage(world, YESTERDAY)["calls"], "origin", "destination"):
        assert all(number == "anonymous" or number.startswith(prefixes) for number in pair)
    assert all(email.endswith(".example") for (email,) in cells("users", list(world.lasting_rows("users")), "email"))


def test_names_are_in_more_than_one_script() -> None:
    names = [name for (name,) in cells("users", list(World(1, LOADED_ON).lasting_rows("users")), "name")]
    assert sum(not any("a" <= letter.lower() <= "z" for letter in name) for name in names) >= 10
    assert any(not name.isascii() and "a" <= name[-1] <= "z" for name in names)


@pytest.mark.parametrize("loaded_on", [date(2025, 1, 1) + timedelta(days=number) for number in range(0, 730, 13)])
def test_whatever_the_day_acme_has_a_full_cycle_behind_it_and_brightline_begins_one(loaded_on: date) -> None:
    terms = {subscription.number: subscription for subscription in subscriptions(loaded_on)}
    acme = Contract(terms["SUB-1001"].activation_date)
    previous = acme.previous_range(loaded_on)
    assert terms["SUB-1001"].company == ACME
    assert 360 < (loaded_on - acme.activated_on).days < 430
    # On 30 March no current cycle follows one of 30 days: that of February lies in between.
    assert previous is not None
    assert previous.days >= (29 if (loaded_on.month, loaded_on.day) == (3, 30) else 30)
    assert previous.date_from in World(1, loaded_on).days_of_usage(ACME, loaded_on)
    brightline = Contract(terms["SUB-4001"].activation_date, CyclePolicy.BEFORE_ANNIVERSARY)
    assert terms["SUB-4001"].company == BRIGHTLINE
    assert brightline.cycle_on(loaded_on).first_day == loaded_on
