"""Contracts, prices and names by hand: of people who save at the same moment, each is checked against the others."""

from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db.models import Model
from django.urls import reverse

from billing.models import Account, Charge, Rate, RateSheet, RateSheetVersion, Subscription, TelcoCommitDiscount
from tests.concurrency import at_once, while_held
from tests.factories import (
    instant,
    make_account,
    make_call,
    make_charge,
    make_rate,
    make_sheet,
    make_subscription,
    make_version,
)
from tests.people import client_of, make_staff
from tests.usage_files import table, upload
from usage.models import Allowance, Call, Resource

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

PEOPLE = 3
DISCOUNTS = "telco_commit_discounts"
NO_DISCOUNTS = {f"{DISCOUNTS}-TOTAL_FORMS": 0, f"{DISCOUNTS}-INITIAL_FORMS": 0}
NO_ALLOWANCES = {"allowances-TOTAL_FORMS": 0, "allowances-INITIAL_FORMS": 0}


def contract(account: Account, number: str, first_day: str, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "account": account.pk,
        "activation_date": first_day,
        "currency": "USD",
        "cycle_policy": "through_anniversary",
        **NO_DISCOUNTS,
        **changes,
    }


def version(sheet: RateSheet, first_day: str, last_day: str = "") -> dict[str, Any]:
    sent = {"rate_sheet": sheet.pk, "effective_from": first_day, "effective_through": last_day}
    return {**sent, "increment_seconds": 6, "minimum_seconds": 0}


def discount(subscription: Subscription, number: int) -> dict[str, Any]:
    rows = {
        f"{DISCOUNTS}-TOTAL_FORMS": 1,
        f"{DISCOUNTS}-INITIAL_FORMS": 0,
        f"{DISCOUNTS}-0-subscription": subscription.pk,
        f"{DISCOUNTS}-0-percent": number + 1,
    }
    return contract(subscription.account, subscription.number, "2017-10-21") | rows


def allowance(charge: Charge, resource: Resource, number: int) -> dict[str, Any]:
    return {
        "name": charge.name,
        "basis": charge.basis,
        "allowances-TOTAL_FORMS": 1,
        "allowances-INITIAL_FORMS": 0,
        "allowances-0-charge": charge.pk,
        "allowances-0-resource": resource.pk,
        "allowances-0-quantity": number + 1,
    }


Pages = tuple[type[Model], list[tuple[str, dict[str, Any]]], str]
"""The model of which one more row is saved; what each person sends, and where; what the others read."""


def overlapping_contracts() -> Pages:
    account = make_account()
    sent = [contract(account, f"S-{number}", f"2026-0{number + 1}-01") for number in range(PEOPLE)]
    return Subscription, pages("billing_subscription_add", sent), "another subscription on some of these days"


def contracts_with_one_number() -> Pages:
    sent = [contract(make_account(), "S-1", "2026-01-01") for _one in range(PEOPLE)]
    return Subscription, pages("billing_subscription_add", sent), "Subscription with this Number already exists"


def overlapping_versions() -> Pages:
    sheet = make_sheet(name="World")
    sent = [version(sheet, f"2026-0{number + 1}-01", "2026-12-31") for number in range(PEOPLE)]
    return RateSheetVersion, pages("billing_ratesheetversion_add", sent), "Another version of this sheet"


def rates_of_one_route() -> Pages:
    group = make_rate(version=make_version(), direction="Inbound").usage_group
    sent = {"usage_group": group.pk, "call_type": "voice", "direction": "Outbound"}
    rates = [{**sent, "rate_per_minute": f"0.0{number + 1}"} for number in range(PEOPLE)]
    return Rate, pages("billing_rate_add", rates), "The version already has a rate for this usage group"


def overlapping_discounts() -> Pages:
    subscription = make_subscription()
    sent = [discount(subscription, number) for number in range(PEOPLE)]
    at = reverse("admin:billing_subscription_change", args=[subscription.pk])
    return TelcoCommitDiscount, [(at, one) for one in sent], "another discount on some of these days"


def allowances_of_one_resource() -> Pages:
    charge, resource = make_charge(), Resource.objects.create(name="SMS", unit="message")
    sent = [allowance(charge, resource, number) for number in range(PEOPLE)]
    at = reverse("admin:billing_charge_change", args=[charge.pk])
    return Allowance, [(at, one) for one in sent], "The charge already has an allowance of this resource"


def accounts_with_one_code() -> Pages:
    sent = [{"code": "ACME", "name": f"Acme {number}"} for number in range(PEOPLE)]
    return Account, pages("billing_account_add", sent), "Account with this Code already exists"


def charges_with_one_name() -> Pages:
    sent = [{"name": "CX 1", "basis": "named", **NO_ALLOWANCES} for _one in range(PEOPLE)]
    return Charge, pages("billing_charge_add", sent), "Charge with this Name already exists"


def resources_with_one_name() -> Pages:
    sent = [{"name": "SMS", "unit": "message"} for _one in range(PEOPLE)]
    return Resource, pages("usage_resource_add", sent), "Resource with this Name already exists"


def pages(name: str, sent: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(reverse(f"admin:{name}"), one) for one in sent]


@pytest.mark.parametrize(
    "case",
    [
        overlapping_contracts,
        contracts_with_one_number,
        overlapping_versions,
        rates_of_one_route,
        overlapping_discounts,
        allowances_of_one_resource,
        accounts_with_one_code,
        charges_with_one_name,
        resources_with_one_name,
    ],
)
def test_one_is_saved_and_the_others_read_why_theirs_is_not(case: Callable[[], Pages]) -> None:
    model, sent, sentence = case()
    before = model._base_manager.count()
    clients = [client_of(make_staff()) for _one in sent]
    saved = at_once(partial(client.post, *one) for client, one in zip(clients, sent, strict=True))
    assert sorted(response.status_code for response in saved) == [200] * (PEOPLE - 1) + [302]
    assert model._base_manager.count() == before + 1
    for response in saved:
        assert response.status_code == 302 or sentence in response.content.decode()
        # A message of success comes with success alone.
        assert (response.status_code == 302) == bool(list(get_messages(response.wsgi_request)))


def test_versions_that_are_added_together_end_one_another() -> None:
    sheet = make_sheet(name="World")
    make_version(sheet=sheet, effective_from=date(2026, 1, 1))
    sent = pages("billing_ratesheetversion_add", [version(sheet, "2026-03-01"), version(sheet, "2026-05-01")])
    saved = at_once(partial(client_of(make_staff()).post, *one) for one in sent)
    # The later one may come first: then the earlier one has to say when it ends.
    assert {response.status_code for response in saved} <= {200, 302}
    days = list(RateSheetVersion.objects.order_by("effective_from").values_list("effective_from", "effective_through"))
    assert len(days) == 1 + sum(response.status_code == 302 for response in saved)
    assert days[-1][1] is None
    assert all(last is not None and last < next_first for (_, last), (next_first, _) in pairwise(days))


def test_a_contract_saved_by_hand_while_an_upload_writes_its_account_is_checked_against_it() -> None:
    account = make_account(code="ACME")
    text = table("subscriptions", "S-1,ACME,2026-01-01,USD,World")
    at, sent = reverse("admin:billing_subscription_add"), contract(account, "S-2", "2026-03-01")
    client = client_of(make_staff())
    applied, refused = while_held(lambda: upload(kind="subscriptions", text=text), lambda: client.post(at, sent))
    assert applied.result().is_applied
    assert refused.result().status_code == 200
    assert "another subscription on some of these days" in refused.result().content.decode()


def test_a_file_of_contracts_is_checked_against_one_that_is_being_saved_by_hand() -> None:
    account = make_account(code="ACME")
    text = table("subscriptions", "S-1,ACME,2026-01-01,USD,World")
    at, sent = reverse("admin:billing_subscription_add"), contract(account, "S-2", "2026-03-01")
    client = client_of(make_staff())
    saved, refused = while_held(lambda: client.post(at, sent), lambda: upload(kind="subscriptions", text=text))
    assert saved.result().status_code == 302
    assert [error.reason for error in refused.result().errors] == [
        "The account has another subscription on some of these days: S-2."
    ]


@pytest.mark.parametrize("kind", ["accounts", "charges"])
def test_a_file_is_checked_against_a_row_that_is_being_saved_by_hand(kind: str) -> None:
    row: Account | Charge = make_account(code="ACME", name="Acme") if kind == "accounts" else make_charge(name="CX 1")
    by_hand: dict[str, Any] = {"code": "ACME", "name": "By hand"}
    if kind == "charges":
        by_hand = {"name": "CX 1", "basis": "hourly", **NO_ALLOWANCES}
    text = {"accounts": "code,name\nACME,By hand\n", "charges": "name,basis\nCX 1,hourly\n"}[kind]
    at = reverse(f"admin:billing_{row._meta.model_name}_change", args=[row.pk])
    client = client_of(make_staff())
    saved, applied = while_held(lambda: client.post(at, by_hand), lambda: upload(kind=kind, text=text))
    assert saved.result().status_code == 302
    assert (applied.result().counts.unchanged, applied.result().counts.changed) == (1, 0)


def test_a_call_that_arrives_while_its_contract_is_saved_by_hand_is_rated() -> None:
    account, prices = make_account(), make_version()
    make_rate(version=prices)
    make_call(account=account, started_at=instant("2026-03-01T09:00"))
    sent = contract(account, "S-1", "2026-01-01", rate_sheet=prices.rate_sheet_id)
    calls = table("calls", "c2,+1,+2,US-FIXED,voice,Outbound,2026-03-01T09:00:00Z,2026-03-01T09:00:55Z")
    client = client_of(make_staff())
    saved, applied = while_held(
        lambda: client.post(reverse("admin:billing_subscription_add"), sent),
        lambda: upload(kind="calls", text=calls, account=account),
    )
    assert (saved.result().status_code, applied.result().is_applied) == (302, True)
    assert not Call.objects.unrated().exists()
