"""Numbers as other tools and other countries write them."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Rate, RateSheetVersion
from tests.factories import make_account
from tests.profiles import examples
from tests.usage_files import COLUMNS, upload
from usage.models import Resource, ResourceUsage

pytestmark = pytest.mark.django_db


def usage(quantity: str) -> str:
    """Return a file of one quantity."""
    Resource.objects.get_or_create(name="SMS", defaults={"unit": "message"})
    return f'date,resource,quantity\n2026-03-01,SMS,"{quantity}"\n'


def rate(price: str, increment: str) -> str:
    """Return a file of one price."""
    return f'{COLUMNS["rates"]},increment_seconds\nWorld,USD,2026-01-01,US,US,voice,Inbound,{price},"{increment}"\n'


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1,500", "The comma may separate thousands or decimals: write 1500, or 1.5 if it is a decimal comma."),
        ("-1,250", "The comma may separate thousands or decimals: write -1250, or -1.25 if it is a decimal comma."),
        ("2,000", "The comma may separate thousands or decimals: write 2000, or 2 if it is a decimal comma."),
        ("1,500.25", "The number has separators between thousands: write 1500.25."),
        ("1,500,000", "The number has separators between thousands: write 1500000."),
        ("15,00,000", "The number has separators between thousands: write 1500000."),
        ("1.500,25", "The number has separators between thousands: write 1500.25."),
        ("1.500.000", "The number has separators between thousands: write 1500000."),
        ("1 500", "The number has separators between thousands: write 1500."),
        ("1\u202f500,25", "The number has separators between thousands: write 1500.25."),
        ("1'500.25", "The number has separators between thousands: write 1500.25."),
        ("1,5", "The number has a decimal comma: write 1.5."),
        ("0,500", "The number has a decimal comma: write 0.5."),
        (",75", "The number has a decimal comma: write 0.75."),
        ("'-1,50", "The number has a decimal comma: write -1.5."),
        ("1500,125", "The number has a decimal comma: write 1500.125."),
        ("12\u200b3", 'The character U+200B after "12" cannot be seen: delete it.'),
    ],
)
def test_separators_are_refused_with_the_number_that_was_meant(written: str, reason: str) -> None:
    result = upload(kind="resource_usage", text=usage(written), account=make_account())
    assert result.reasons == [(2, "quantity", reason)]


@pytest.mark.parametrize(
    ("written", "kept"), [(".0119", "0.0119"), ("0.01190000", "0.0119"), ("1.000000000", "1"), ("\u200b1.50", "1.5")]
)
def test_zeros_at_the_end_are_no_decimals(written: str, kept: str) -> None:
    assert upload(kind="rates", text=rate(written, "6")).reasons == []
    assert Rate.objects.get().rate_per_minute == Decimal(kept)


@pytest.mark.parametrize(("written", "kept"), [("6.0", 6), ("06.000", 6), ("60", 60)])
def test_a_whole_number_may_have_zeros_after_the_point(written: str, kept: int) -> None:
    assert upload(kind="rates", text=rate("0.01", written)).reasons == []
    assert RateSheetVersion.objects.get().increment_seconds == kept


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1,000", "The number has separators between thousands: write 1000."),
        ("1.000.000", "The number has separators between thousands: write 1000000."),
        ("6.5", "This is not a whole number from 1 to 2147483647."),
        ("6.", "This is not a whole number from 1 to 2147483647."),
    ],
)
def test_other_whole_numbers_are_refused(written: str, reason: str) -> None:
    assert upload(kind="rates", text=rate("0.01", written)).reasons == [(2, "increment_seconds", reason)]


class Numbers(TestCase):
    """What decimals mean does not depend on how many zeros they have, and advice is never another number."""

    @settings(max_examples=examples(15))
    @given(
        number=st.decimals(0, 10**6, places=6),
        zeros=st.integers(0, 20),
        before=st.integers(0, 3),
        strip=st.booleans(),
    )
    def test_decimals_are_kept_exactly(self, number: Decimal, zeros: int, before: int, strip: bool) -> None:
        written = f"{'0' * before}{number:f}{'0' * zeros}"
        written = written.lstrip("0") if strip else written
        account = make_account()
        assert upload(kind="resource_usage", text=usage(written), account=account).reasons == []
        assert ResourceUsage.objects.get(account=account).quantity == number

    @settings(max_examples=examples(15))
    @given(number=st.integers(1000, 10**9), separator=st.sampled_from(",.'\u00a0\u202f\u2009\u2019"))
    def test_thousands_are_never_taken_for_decimals(self, number: int, separator: str) -> None:
        written = f"{number:,}".replace(",", separator)
        if separator == "." and number < 10**6:
            return  # a decimal number, as it stands
        result = upload(kind="resource_usage", text=usage(written), account=make_account())
        assert f"write {number}" in result.errors[0].reason
        assert not ResourceUsage.objects.exists()
