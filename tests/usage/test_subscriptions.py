"""Subscriptions from files: one after the other, with a sheet whose rates may follow and one undated discount."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import Account, RateSheet, Subscription, TelcoCommitDiscount
from tests.factories import make_account, make_subscription, make_version
from tests.usage_files import counts, upload

pytestmark = pytest.mark.django_db

HEADER = "number,account,activation_date,currency"


@pytest.fixture(autouse=True)
def _accounts() -> None:
    make_account(code="ACME")
    make_account(code="BETA")


def test_a_sheet_may_be_named_before_it_exists() -> None:
    text = f"{HEADER},rate_sheet\nS-1,ACME,2020-01-01,USD,World\nS-2,BETA,2020-01-01,USD,World\n"
    assert upload(kind="subscriptions", text=text).counts == counts(2, new=2)
    assert set(Subscription.objects.values_list("rate_sheet__name", flat=True)) == {"World"}
    assert RateSheet.objects.get().versions.count() == 0
    assert upload(kind="subscriptions", text=text).counts == counts(2, unchanged=2)
    assert upload(kind="subscriptions", text=text.replace("World", "Europe")).counts == counts(2, changed=2)
    assert upload(kind="subscriptions", text=text.replace("World", "")).counts == counts(2, changed=2)
    assert set(Subscription.objects.values_list("rate_sheet", flat=True)) == {None}


def test_a_sheet_of_a_row_in_error_is_not_made() -> None:
    text = f"{HEADER},rate_sheet\nS-1,ACME,2020-01-01,USD,World\nS-2,NONE,2020-01-01,USD,Europe\n"
    upload(kind="subscriptions", text=text, skip_errors=True)
    assert RateSheet.objects.get().name == "World"


@pytest.mark.parametrize("names_the_sheet", [True, False])
def test_a_sheet_in_another_currency_is_refused(names_the_sheet: bool) -> None:
    sheet = make_version(currency="EUR").rate_sheet
    make_subscription(number="S-1", account=make_account(code="GAMMA"), currency="EUR", rate_sheet=sheet)
    row = "S-1,GAMMA,2017-10-21,USD"
    text = f"{HEADER},rate_sheet\n{row},{sheet.name}\n" if names_the_sheet else f"{HEADER}\n{row}\n"
    reason = f"The rate sheet {sheet.name} is in EUR, and has prices. Write EUR, or name another sheet."
    assert upload(kind="subscriptions", text=text).reasons == [(2, "currency", reason)]


def test_a_subscription_cannot_change_its_account() -> None:
    upload(kind="subscriptions", text=f"{HEADER}\nS-1,ACME,2020-01-01,USD\n")
    result = upload(kind="subscriptions", text=f"{HEADER}\nS-1,BETA,2020-01-01,USD\n")
    reason = "The subscription exists, and is another account's; it cannot change its account."
    assert result.reasons == [(2, "account", reason)]


def test_a_subscription_does_not_end_before_its_activation() -> None:
    result = upload(kind="subscriptions", text=f"{HEADER},ended_on\nS-1,ACME,2020-01-01,USD,2019-12-31\n")
    assert result.reasons == [(2, "ended_on", "The subscription ends before its activation.")]
    text = f"{HEADER},ended_on\nS-1,ACME,2020-01-01,USD,2020-01-01\n"
    assert upload(kind="subscriptions", text=text).is_applied
    result = upload(kind="subscriptions", text=f"{HEADER}\nS-1,ACME,2020-01-02,USD\n")
    assert result.reasons == [(2, "activation_date", "The subscription ends before its activation.")]


def test_overlapping_subscriptions_of_an_account_are_errors_that_name_each_other() -> None:
    upload(kind="subscriptions", text=f"{HEADER},ended_on\nS-0,ACME,2019-01-01,USD,2019-12-31\n")
    text = (
        f"{HEADER},ended_on\nS-1,ACME,2019-12-31,USD,2020-06-30\nS-2,ACME,2020-07-01,USD,\nS-3,ACME,2021-01-01,USD,\n"
    )
    result = upload(kind="subscriptions", text=text + "S-4,BETA,2019-01-01,USD,\n", skip_errors=True)
    others = "The account has another subscription on some of these days: "
    assert result.reasons == [
        (2, "activation_date", f"{others}S-0."),
        (3, "activation_date", f"{others}S-3 in row 4."),
        (4, "activation_date", f"{others}S-2 in row 3."),
    ]
    assert set(Subscription.objects.values_list("number", flat=True)) == {"S-0", "S-4"}


def test_a_row_that_repeats_one_in_error_is_in_error_too() -> None:
    make_subscription(number="S-0", account=Account.objects.get(code="ACME"), activation_date=date(2020, 1, 1))
    text = f"{HEADER}\n" + "S-1,ACME,2020-02-01,USD\n" * 2
    result = upload(kind="subscriptions", text=text, skip_errors=True)
    reason = "The account has another subscription on some of these days: S-0."
    assert result.reasons == [(line, "activation_date", reason) for line in (2, 3)]
    assert (result.counts, result.is_applied) == (counts(2, errors=2), False)


def test_a_change_left_out_leaves_the_subscription_as_it_was_for_the_others() -> None:
    upload(kind="subscriptions", text=f"{HEADER},ended_on\nS-0,ACME,2019-01-01,USD,2019-12-31\n")
    text = f"{HEADER},ended_on\nS-0,ACME,2019-01-01,usd,2019-06-30\nS-1,ACME,2019-07-01,USD,\n"
    result = upload(kind="subscriptions", text=text, skip_errors=True)
    assert [(line, column) for line, column, _reason in result.reasons] == [(2, "currency"), (3, "activation_date")]


def test_the_border_between_two_subscriptions_moves_either_way() -> None:
    rows = "{}S-1,ACME,2020-01-01,USD,{}\nS-2,ACME,{},USD,\n"
    for last, first in [("2020-06-30", "2020-07-01"), ("2020-08-31", "2020-09-01"), ("2020-03-31", "2020-04-01")]:
        text = rows.format(f"{HEADER},ended_on\n", last, first)
        assert upload(kind="subscriptions", text=text).is_applied
        assert str(Subscription.objects.get(number="S-2").activation_date) == first


def discount_of(number: str = "S-1") -> list[Decimal]:
    """Return the percentages of a subscription's discounts."""
    return list(TelcoCommitDiscount.objects.filter(subscription__number=number).values_list("percent", flat=True))


def test_a_percentage_is_the_one_discount_without_dates() -> None:
    text = f"{HEADER},telco_commit_percent\nS-1,ACME,2020-01-01,USD,{{}}\n"
    for percent, expected, kept in [
        ("12.5", counts(1, new=1), [Decimal("12.5")]),
        ("12.50", counts(1, unchanged=1), [Decimal("12.5")]),
        ("10", counts(1, changed=1), [Decimal(10)]),
        ("0", counts(1, changed=1), []),
        ("", counts(1, unchanged=1), []),
        ("100", counts(1, changed=1), [Decimal(100)]),
        ("", counts(1, changed=1), []),
    ]:
        assert upload(kind="subscriptions", text=text.format(percent)).counts == expected
        assert discount_of() == kept
    upload(kind="subscriptions", text=text.format("5"))
    assert upload(kind="subscriptions", text=f"{HEADER}\nS-1,ACME,2020-01-01,USD\n").counts == counts(1, unchanged=1)
    assert discount_of() == [Decimal(5)]


def test_discounts_with_dates_belong_to_the_admin() -> None:
    subscription = make_subscription(number="S-1", account=make_account(code="GAMMA"), activation_date=date(2020, 1, 1))
    TelcoCommitDiscount.objects.create(
        account=subscription.account, subscription=subscription, percent=5, effective_from=date(2026, 1, 1)
    )
    text = f"{HEADER},telco_commit_percent\nS-1,GAMMA,2020-01-01,USD,{{}}\n"
    result = upload(kind="subscriptions", text=text.format("10"))
    reason = "The subscription has discounts with dates, which are changed in the admin; leave the cell empty."
    assert result.reasons == [(2, "telco_commit_percent", reason)]
    assert upload(kind="subscriptions", text=text.format("")).counts == counts(1, unchanged=1)
    assert discount_of() == [Decimal(5)]
