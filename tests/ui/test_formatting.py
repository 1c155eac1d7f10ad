"""How numbers, sizes, durations, days and instants read."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from billing.cycles import DateRange
from tests.sizes import SIZES
from ui import formatting

NOW = datetime(2026, 11, 24, 10, 4, 3, 129_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 22), date(2026, 12, 21), "22 Nov – 21 Dec 2026"),
        (date(2026, 12, 22), date(2027, 1, 21), "22 Dec 2026 – 21 Jan 2027"),
        (date(2026, 11, 2), date(2026, 11, 2), "2 Nov 2026"),
    ],
)
def test_a_range_names_its_year_once(first: date, last: date, text: str) -> None:
    assert formatting.days_text(DateRange(first, last)) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (100_412, "100,412 rows")])
def test_a_count_is_grouped_by_thousands_and_one_is_singular(number: int, text: str) -> None:
    assert formatting.count_text(number) == text


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_a_size_goes_up_in_thousands_with_one_decimal_below_ten(size: int, text: str) -> None:
    assert formatting.size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "under 0.1 s"),
        (0.04, "under 0.1 s"),
        (0.1, "0.1 s"),
        (0.45, "0.4 s"),
        (9.99, "9.9 s"),
        (10, "10 s"),
        (12.3, "12 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3599.9, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (3725, "1 h 2 min"),
        (100 * 3600 + 59 * 60 + 59, "100 h 59 min"),
    ],
)
def test_a_duration_is_as_exact_as_its_length_calls_for(seconds: float, text: str) -> None:
    assert formatting.duration_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("amount", "text"), [("0.005", "0.01"), ("0.0049", "0.00"), ("1312.395", "1,312.40")])
def test_an_amount_is_rounded_half_up_to_two_decimals(amount: str, text: str) -> None:
    assert formatting.amount_text(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NOW, "10:04"),
        (NOW - timedelta(days=1), "23 Nov, 10:04"),
        (datetime(2025, 11, 24, 10, 4, tzinfo=UTC), "24 Nov 2025, 10:04"),
    ],
)
def test_a_moment_names_its_day_unless_it_is_today(instant: datetime, text: str) -> None:
    assert formatting.moment_text(instant, NOW.date()) == text


def test_an_instant_is_exact_and_names_its_time_zone() -> None:
    assert formatting.minute_text(NOW) == "24 Nov 2026, 10:04"
    assert formatting.instant_text(NOW) == "24 Nov 2026, 10:04:03 UTC"
    assert formatting.instant_text(NOW, milliseconds=True) == "24 Nov 2026, 10:04:03.129 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (5 * 60 + 59, "5 minutes ago"),
        (60 * 60, "1 hour ago"),
        (24 * 60 * 60 - 1, "23 hours ago"),
        (3 * 24 * 60 * 60, "3 days ago"),
    ],
)
def test_how_long_ago_something_was(seconds: int, text: str) -> None:
    assert formatting.ago_text(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize("part", ["billing", "reports", "templates", "ui", "usage"])
def test_templates_leave_the_writing_of_values_to_the_formatter(part: str) -> None:
    own = re.compile(r"\|\s*(date:|time:|filesizeformat|timesince|timeuntil|floatformat|intcomma)")
    files = (Path(__file__).parents[2] / part).rglob("*.html")
    assert [file for file in files if own.search(file.read_text())] == []
