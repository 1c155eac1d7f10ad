"""How numbers, days and sizes read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.cycles import DateRange
from reports.screens import wording


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 22), date(2026, 12, 21), "22 Nov – 21 Dec 2026"),
        (date(2026, 12, 22), date(2027, 1, 21), "22 Dec 2026 – 21 Jan 2027"),
        (date(2026, 11, 2), date(2026, 11, 2), "2 Nov 2026"),
    ],
)
def test_a_range_names_its_year_once(first: date, last: date, text: str) -> None:
    assert wording.days_text(DateRange(first, last)) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (18_400_000, "18 MB"),
        (3_200_000_000_000_000, "3200 TB"),
    ],
)
def test_a_size_goes_up_in_thousands(size: int, text: str) -> None:
    assert wording.size_text(size) == text


@pytest.mark.parametrize(("amount", "text"), [("0.005", "0.01"), ("0.0049", "0.00"), ("1312.395", "1,312.40")])
def test_an_amount_is_rounded_half_up_to_two_decimals(amount: str, text: str) -> None:
    assert wording.amount_text(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 10, 4, tzinfo=UTC), "10:04"),
        (datetime(2026, 11, 23, 10, 4, tzinfo=UTC), "23 Nov, 10:04"),
        (datetime(2025, 11, 24, 10, 4, tzinfo=UTC), "24 Nov 2025, 10:04"),
    ],
)
def test_a_moment_names_its_day_unless_it_is_today(moment: datetime, text: str) -> None:
    assert wording.moment_text(moment, date(2026, 11, 24)) == text


def test_an_instant_is_exact_and_names_its_time_zone() -> None:
    moment = datetime(2026, 11, 24, 10, 4, 3, 129_999, tzinfo=UTC)
    assert wording.instant_text(moment) == "24 Nov 2026, 10:04:03 UTC"
    assert wording.instant_text(moment, milliseconds=True) == "24 Nov 2026, 10:04:03.129 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 seconds"),
        (9.99, "9.9 seconds"),
        (10, "10 seconds"),
        (59.9, "59 seconds"),
        (125, "2 min 5 s"),
        (3720, "1 h 2 min"),
    ],
)
def test_the_time_that_something_took_is_as_exact_as_one_cares(seconds: float, text: str) -> None:
    assert wording.took_text(timedelta(seconds=seconds)) == text
