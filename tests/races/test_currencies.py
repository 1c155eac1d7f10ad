"""A subscription and its rate sheet have one currency even if both are changed at the same moment."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.urls import reverse

from billing.models import RateSheet, Subscription
from tests.concurrency import at_once, while_held
from tests.factories import make_account, make_sheet
from tests.people import client_of, make_staff
from tests.usage_files import Result, table, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

PRICES = table("rates", "World,EUR,2026-01-01,US,USA,voice,Outbound,0.0181")
CONTRACTS = table("subscriptions", "S-1,ACME,2026-01-01,USD,World")
Page = Callable[[], Any]


@pytest.fixture
def sheet() -> RateSheet:
    """A sheet in USD, without prices, and an account without a contract."""
    make_account(code="ACME")
    return make_sheet(name="World", currency="USD")


def saves_contract(sheet: RateSheet) -> Page:
    """Return the work of somebody who saves a contract in USD with the sheet."""
    sent = {
        "number": "S-1",
        "account": make_account().pk,
        "activation_date": "2026-01-01",
        "currency": "USD",
        "cycle_policy": "through_anniversary",
        "rate_sheet": sheet.pk,
        "telco_commit_discounts-TOTAL_FORMS": 0,
        "telco_commit_discounts-INITIAL_FORMS": 0,
    }
    return partial(client_of(make_staff()).post, reverse("admin:billing_subscription_add"), sent)


def saves_sheet(sheet: RateSheet) -> Page:
    """Return the work of somebody who moves the sheet to EUR."""
    sent = {"name": "World", "currency": "EUR", "versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    return partial(client_of(make_staff()).post, reverse("admin:billing_ratesheet_change", args=[sheet.pk]), sent)


def agree() -> bool:
    return not Subscription.objects.exclude(rate_sheet=None).exclude(currency=F("rate_sheet__currency")).exists()


def test_of_two_tabs_one_is_saved_and_the_other_reads_why_not(sheet: RateSheet) -> None:
    contract, moved = at_once([saves_contract(sheet), saves_sheet(sheet)])
    assert sorted([contract.status_code, moved.status_code]) == [200, 302]
    refused = contract if contract.status_code == 200 else moved
    sentence = (
        "The sheet is in EUR, the subscription in USD." if refused is contract else "Subscription S-1 has this sheet"
    )
    assert sentence in refused.content.decode()
    assert agree()


@pytest.mark.parametrize("file_is_first", [True, False])
def test_a_contract_saved_by_hand_during_an_upload_of_rates_has_its_currency(
    sheet: RateSheet, *, file_is_first: bool
) -> None:
    by_file, by_hand = partial(upload, kind="rates", text=PRICES), saves_contract(sheet)
    if file_is_first:
        applied, saved = while_held(by_file, by_hand)
        assert "The sheet is in EUR, the subscription in USD." in saved.result().content.decode()
    else:
        saved, applied = while_held(by_hand, by_file)
        reason = (
            "The rate sheet World is in USD, as is subscription S-1, which has it. Write USD, or name another sheet."
        )
        assert applied.result().reasons == [(2, "currency", reason)]
    assert (applied.result().is_applied, saved.result().status_code) == (file_is_first, 200 if file_is_first else 302)
    assert agree()


@pytest.mark.parametrize("file_is_first", [True, False])
def test_a_sheet_saved_by_hand_during_an_upload_of_contracts_has_their_currency(
    sheet: RateSheet, *, file_is_first: bool
) -> None:
    by_file, by_hand = partial(upload, kind="subscriptions", text=CONTRACTS), saves_sheet(sheet)
    if file_is_first:
        applied, saved = while_held(by_file, by_hand)
        assert "Subscription S-1 has this sheet, and is in USD." in saved.result().content.decode()
    else:
        saved, applied = while_held(by_hand, by_file)
    # A sheet without prices and without another contract follows the file.
    assert applied.result().is_applied
    sheet.refresh_from_db()
    assert sheet.currency == "USD"
    assert agree()


def test_files_of_rates_and_of_contracts_that_name_a_new_sheet_leave_it_one_currency() -> None:
    make_account(code="ACME")
    done: list[Result] = at_once(
        [
            partial(upload, kind="rates", text=PRICES),
            partial(upload, kind="subscriptions", text=CONTRACTS),
        ]
    )
    assert [one.is_applied for one in done].count(True) == 1
    refused = next(one for one in done if not one.is_applied)
    assert [column for _line, column, _reason in refused.reasons] == ["currency"]
    assert agree()


def test_the_database_refuses_one_of_two_that_take_no_lock(sheet: RateSheet) -> None:
    account = make_account()

    def is_written(write: Callable[[], object]) -> bool:
        try:
            write()
        except IntegrityError as error:
            return "subscription_has_a_sheet_in_its_currency" not in str(error)
        return True

    contract: dict[str, Any] = {"number": "S-1", "account": account, "activation_date": "2026-01-01", "currency": "USD"}
    add_contract = partial(Subscription.objects.create, rate_sheet=sheet, **contract)
    move_sheet = partial(RateSheet.objects.filter(pk=sheet.pk).update, currency="EUR")
    assert sorted(at_once([partial(is_written, add_contract), partial(is_written, move_sheet)])) == [False, True]
    assert agree()
