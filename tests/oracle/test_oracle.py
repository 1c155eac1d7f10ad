"""The oracle itself, against numbers worked out by hand. No database."""

import ast
import sys
from datetime import date
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from tests.oracle import SLUGS, Oracle, Question, World, worlds
from tests.oracle.cycles import cycle_on, cycles
from tests.oracle.fixed_worlds import BASICS, CONTRACTS, FIXED_WORLDS, SESSIONS, Expected, FixedWorld
from tests.oracle.rating import adjusted_seconds, discounted, duration_in_seconds
from tests.oracle.values import csv_line, read_instant, read_text, show_duration, show_instant, show_short, show_text
from tests.profiles import examples

REPORTS = [(world, expected) for world in FIXED_WORLDS for expected in world.reports]


def answer(oracle: Oracle, slug: str, question: Question) -> bytes:
    return oracle.report(
        slug,
        subscription=question.subscription,
        date_from=question.date_from,
        date_through=question.date_through,
        today=question.today,
    )


@pytest.mark.parametrize(
    ("world", "expected"),
    REPORTS,
    ids=[f"{world.name}: {expected.slug} {number}" for number, (world, expected) in enumerate(REPORTS)],
)
def test_reports_equal_the_ones_worked_out_by_hand(world: FixedWorld, expected: Expected) -> None:
    assert answer(Oracle(world.files), expected.slug, expected.question).decode() == expected.text


@pytest.mark.parametrize("world", FIXED_WORLDS, ids=[world.name for world in FIXED_WORLDS])
def test_billed_numbers_equal_the_published_ones(world: FixedWorld) -> None:
    oracle = Oracle(world.files)
    for number, peak in world.billable_peaks.items():
        assert oracle.billable_peak(subscription=number, day=world.day, today=world.today) == peak
    for number, hours in world.billed_hours.items():
        assert oracle.billed_hours(subscription=number, day=world.day, today=world.today) == hours


@pytest.mark.parametrize(
    ("activation", "policy", "first_days"),
    [
        ("2017-10-21", "through_anniversary", ["2017-10-21", "2017-11-22", "2017-12-22", "2018-01-22"]),
        ("2017-10-21", "before_anniversary", ["2017-10-21", "2017-11-21", "2017-12-21", "2018-01-21"]),
        ("2024-01-31", "through_anniversary", ["2024-01-31", "2024-03-01", "2024-04-01", "2024-05-01"]),
        ("2024-01-31", "before_anniversary", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        ("2024-02-29", "through_anniversary", ["2024-02-29", "2024-03-30", "2024-04-30", "2024-05-30"]),
        ("2023-01-30", "before_anniversary", ["2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"]),
    ],
)
def test_cycles_follow_the_activation_day_and_never_drift(activation: str, policy: str, first_days: list[str]) -> None:
    found = [first.isoformat() for first, _ in islice(cycles(date.fromisoformat(activation), policy), 4)]
    assert found == first_days


def test_the_published_cycle_runs_through_the_anniversary() -> None:
    activation = date(2017, 10, 21)
    first_cycle = (date(2017, 10, 21), date(2017, 11, 21))
    assert cycle_on(activation, "through_anniversary", date(2017, 11, 21)) == first_cycle
    assert cycle_on(activation, "through_anniversary", date(2017, 11, 22)) == (date(2017, 11, 22), date(2017, 12, 21))


@pytest.mark.parametrize(
    ("seconds", "increment", "minimum", "charged"),
    [
        (0, 6, 60, 0),
        (1, 6, 0, 6),
        (6, 6, 0, 6),
        (55, 6, 0, 60),
        (59, 6, 60, 60),
        (60, 6, 60, 60),
        (61, 6, 60, 66),
        (67, 6, 60, 72),
        (8, 6, 7, 13),
        (7, 1, 1, 7),
        (61, 60, 0, 120),
        (7, 60, 6, 66),
    ],
)
def test_a_call_is_charged_its_minimum_and_then_started_increments(
    seconds: int, increment: int, minimum: int, charged: int
) -> None:
    assert adjusted_seconds(seconds, increment=increment, minimum=minimum) == charged


def test_a_started_second_counts() -> None:
    assert [duration_in_seconds(500, 500 + length) for length in (0, 1, 999, 1000, 1001)] == [0, 1, 1, 1, 2]


def test_a_discount_leaves_six_decimals_half_up() -> None:
    assert discounted(Fraction("0.000001"), Fraction(50)) == Fraction("0.000001")
    assert discounted(Fraction("0.000001"), Fraction("50.01")) == 0
    assert discounted(Fraction("0.0181"), Fraction("12.5")) == Fraction("0.015838")


def test_numbers_are_written_without_needless_zeros() -> None:
    assert [show_short(Fraction(text), 6) for text in ("1", "0.0119", "0.0470", "0", "10")] == [
        "1.0",
        "0.0119",
        "0.047",
        "0.0",
        "10.0",
    ]
    assert [show_short(Fraction(seconds, 60), 4) for seconds in (1, 36, 60, 100)] == ["0.0167", "0.6", "1.0", "1.6667"]


def test_instants_are_cut_to_the_millisecond_on_the_way_in_and_show_it_on_the_way_out() -> None:
    assert read_instant("1970-01-01T00:00:01.9999999Z") == 1_999
    assert read_instant("1970-01-01T05:30:00+05:30") == 0
    assert read_instant("1969-12-31T21:00:00.001-03:00") == 1
    assert show_instant(1_999) == "1970-01-01T00:00:01.999Z"
    assert show_instant(60_000) == "1970-01-01T00:01:00.000Z"


def test_a_duration_has_a_colon_before_its_milliseconds() -> None:
    assert show_duration(25_509_042) == "07:05:09:042"
    assert show_duration(86_400_000) == "24:00:00:000"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1", "'=1"),
        ("@a", "'@a"),
        ("-a", "'-a"),
        ("+", "'+"),
        ("+1.", "'+1."),
        ("\ta", "'\ta"),
        ("+49 30", "'+49 30"),
        ("+4930", "+4930"),
        ("-1.5", "-1.5"),
        ("+٤٢", "'+٤٢"),
        ("a=1", "a=1"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("'+4930", "'+4930"),
        ("'a", "'a"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b4930", "'\uff0b4930"),
        ("\ufeff=1", "'\ufeff=1"),
        (" \u200b-5", "' \u200b-5"),
        ("\u200bx=1", "\u200bx=1"),
        ("", ""),
    ],
)
def test_only_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str, shown: str) -> None:
    assert show_text(text) == shown


@pytest.mark.parametrize(
    ("cell", "text"),
    [(" '=1 ", "=1"), ("'+4930", "'+4930"), ("'a", "'a"), ("''=1", "'=1"), ("'\u200b=1", "\u200b=1"), ("'", "'")],
)
def test_an_upload_takes_off_the_apostrophe_that_a_report_put_on(cell: str, text: str) -> None:
    assert read_text(cell) == text


def test_cells_are_quoted_only_where_they_must_be() -> None:
    assert csv_line(["a b", "a,b", 'a"b', "a\nb", "a\rb", "", " ", "\\.", "é"]) == (
        'a b,"a,b","a""b","a\nb","a\rb",, ,\\.,é\n'
    )


def test_an_open_session_counts_through_the_last_available_day() -> None:
    ended = (
        "subscriptions",
        None,
        "number,account,activation_date,currency,ended_on\nA-1,ACME,2017-10-21,USD,2017-10-23\n",
    )
    files = [*BASICS, ended, ("sessions", "ACME", SESSIONS + "s,ann@example.com,Phone,2017-10-22T18:00:00Z,,\n")]
    rows = "User,Date,Duration\nann@example.com,2017-10-22,06:00:00:000\n"
    seen_early = Question("A-1", date(2017, 10, 21), date(2017, 10, 22), date(2017, 10, 23))
    assert answer(Oracle(files), "user-hours", seen_early).decode() == rows
    seen_late = Question("A-1", date(2017, 10, 21), date(2017, 10, 23), date(2018, 1, 1))
    assert answer(Oracle(files), "user-hours", seen_late).decode() == rows + "ann@example.com,2017-10-23,24:00:00:000\n"


@pytest.mark.parametrize(("date_from", "date_through"), [("2017-10-20", "2017-10-22"), ("2017-10-21", "2017-10-24")])
def test_a_range_outside_the_available_window_is_refused(date_from: str, date_through: str) -> None:
    oracle = Oracle([*BASICS, CONTRACTS])
    question = Question("A-1", date.fromisoformat(date_from), date.fromisoformat(date_through), date(2017, 10, 24))
    with pytest.raises(ValueError, match="outside the available window"):
        answer(oracle, "user-hours", question)


def test_a_rated_call_keeps_its_rate_when_a_new_version_arrives() -> None:
    header = "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute\n"
    call = "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time\n"
    oracle = Oracle(
        [
            *BASICS,
            CONTRACTS,
            ("rates", None, header + "Standard,USD,2017-10-01,LOC,Old,Domestic,Inbound,1\n"),
            ("calls", "ACME", call + "c,1,2,LOC,Domestic,Inbound,2017-10-22T10:00:00Z,2017-10-22T10:01:00Z\n"),
            ("rates", None, header + "Standard,USD,2017-10-22,LOC,New,Domestic,Inbound,2\n"),
        ]
    )
    question = Question("A-1", date(2017, 10, 21), date(2017, 10, 22), date(2017, 10, 23))
    assert b",60,60,1.0,1.0,1.0000,USD,Standard\n" in answer(oracle, "voice-usage", question)


@settings(max_examples=examples(20), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(worlds())
def test_the_order_of_uploads_makes_no_difference(world: World) -> None:
    oracle, reordered = Oracle(world.files), Oracle(world.reordered)
    for question in world.questions:
        for slug in SLUGS:
            assert answer(oracle, slug, question) == answer(reordered, slug, question)


def test_the_oracle_knows_nothing_of_the_project() -> None:
    imported = set()
    for name in ("oracle", "records", "rating", "concurrency", "voice", "cycles", "values"):
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    others = {name for name in imported if not name.startswith("tests.oracle.")}
    assert others <= sys.stdlib_module_names | {"collections.abc"}
