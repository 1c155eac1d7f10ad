"""Changes by staff: contracts, rates and charges, forged keys, and objects with usage, which stay."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.test import RequestFactory
from django.urls import reverse

from billing.models import Account, Administrator, RateSheetVersion, Subscription, TelcoCommitDiscount, UsageGroup
from billing.scoped_admin import AccountFilter
from tests.factories import (
    instant,
    make_account,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_session,
    make_sheet,
    make_subscription,
    make_version,
)
from tests.people import client_of, make_role
from usage.admin.subscriptions import DiscountInline
from usage.models import Call

pytestmark = pytest.mark.django_db

DISCOUNTS = "telco_commit_discounts"
NO_VERSIONS = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}


def discounts(*rows: dict[str, object]) -> dict[str, object]:
    """Return the form data of a subscription's discounts."""
    sent: dict[str, object] = {f"{DISCOUNTS}-TOTAL_FORMS": len(rows), f"{DISCOUNTS}-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        sent |= {f"{DISCOUNTS}-{number}-{name}": value for name, value in row.items()}
    return sent


def subscription_answers(account: Account, **answers: object) -> dict[str, object]:
    return {
        "number": "SUB-1",
        "account": account.pk,
        "activation_date": "2026-01-15",
        "currency": "USD",
        "cycle_policy": "through_anniversary",
        **discounts(),
        **answers,
    }


def sentences(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_a_subscription_saved_by_hand_rates_the_calls_that_it_covers() -> None:
    account = make_account()
    rate = make_rate(version=make_version(), rate="0.0200")
    call = make_call(account=account, started_at=instant("2026-03-01T09:00"), seconds=55)
    answers = subscription_answers(
        account, rate_sheet=rate.usage_group.version.rate_sheet_id, **discounts({"percent": "10"})
    )
    response = client_of(make_role("operator")).post(reverse("admin:billing_subscription_add"), answers)
    assert response.status_code == 302
    call.refresh_from_db()
    assert (call.rate_per_minute, call.cost) == (Decimal("0.018000"), Decimal("0.0180"))
    assert TelcoCommitDiscount.objects.get().account == account
    assert "1 call that had no rate is rated now." in sentences(response)


def test_a_rate_saved_by_hand_rates_the_calls_that_it_covers_and_no_rated_one() -> None:
    account = make_account()
    version = make_version()
    make_subscription(account=account, rate_sheet=version.rate_sheet)
    other = make_rate(version=version, direction="Inbound")
    call = make_call(account=account, started_at=instant("2026-03-01T09:00"))
    rated = make_call(
        account=account,
        started_at=instant("2026-03-01T09:00"),
        rate_sheet_version=version,
        rate_per_minute=9,
        adjusted_seconds=60,
        cost=9,
        currency="USD",
    )
    answers = {"usage_group": other.usage_group_id, "call_type": "voice", "direction": "Outbound"}
    address = reverse("admin:billing_rate_add")
    operator = client_of(make_role("operator"))
    assert operator.post(address, {**answers, "rate_per_minute": "0.0181"}).status_code == 302
    assert Call.objects.get(pk=call.pk).cost == Decimal("0.0181")
    assert Call.objects.get(pk=rated.pk).cost == 9


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "0.1234567"])
def test_a_rate_is_a_finite_amount_of_six_decimals(amount: str) -> None:
    group = make_rate(version=make_version(), direction="Inbound").usage_group
    answers = {"usage_group": group.pk, "call_type": "voice", "direction": "Outbound", "rate_per_minute": amount}
    response = client_of(make_role("operator")).post(reverse("admin:billing_rate_add"), answers)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors


def test_a_new_version_ends_an_open_predecessor_on_the_day_before() -> None:
    first = make_version(effective_from=date(2026, 1, 1))
    answers = {
        "rate_sheet": first.rate_sheet_id,
        "effective_from": "2026-03-01",
        "increment_seconds": "6",
        "minimum_seconds": "0",
    }
    operator = client_of(make_role("operator"))
    address = reverse("admin:billing_ratesheetversion_add")
    assert operator.post(address, {**answers, "increment_seconds": "0"}).status_code == 200
    assert RateSheetVersion.objects.get(pk=first.pk).effective_through is None
    assert operator.post(address, answers).status_code == 302
    ended = RateSheetVersion.objects.get(pk=first.pk)
    assert (ended.effective_through, ended.is_ended_by_successor) == (date(2026, 2, 28), True)
    overlapping = operator.post(address, {**answers, "effective_from": "2026-02-10"})
    assert b"Another version of this sheet is in force on some of these days." in overlapping.content


def test_a_last_day_written_by_hand_is_a_stated_one() -> None:
    version = make_version(effective_through=date(2026, 2, 28), is_ended_by_successor=True)
    address = reverse("admin:billing_ratesheetversion_change", args=[version.pk])
    answers = {"effective_from": "2017-01-01", "increment_seconds": "6", "minimum_seconds": "0"}
    operator = client_of(make_role("operator"))
    for last_day, is_ended_by_successor in [("2026-02-28", True), ("2026-01-31", False)]:
        assert operator.post(address, {**answers, "effective_through": last_day}).status_code == 302
        version.refresh_from_db()
        assert (str(version.effective_through), version.is_ended_by_successor) == (last_day, is_ended_by_successor)


@pytest.mark.parametrize("is_rated", [True, False])
def test_the_currency_of_a_sheet_changes_until_a_subscription_has_it_or_a_call_was_rated_with_it(
    *, is_rated: bool
) -> None:
    version = make_version()
    sheet = version.rate_sheet
    address = reverse("admin:billing_ratesheet_change", args=[sheet.pk])
    operator = client_of(make_role("operator"))

    def change(currency: str) -> Any:
        return operator.post(address, {"name": sheet.name, "currency": currency, **NO_VERSIONS})

    assert change("EUR").status_code == 302
    if is_rated:
        rated: dict[str, Any] = {"rate_per_minute": 1, "adjusted_seconds": 60, "cost": 1, "currency": "EUR"}
        make_call(account=make_account(), started_at=instant("2026-03-01T09:00"), rate_sheet_version=version, **rated)
        sentence = "Calls were rated with this sheet in EUR, so its currency cannot change. Add another sheet for USD."
    else:
        make_subscription(number="S-1", currency="EUR", rate_sheet=sheet)
        sentence = (
            "Subscription S-1 has this sheet, and is in EUR. Write EUR, or give the subscription another sheet first."
        )
    assert sentence in change("USD").content.decode()
    assert change("EUR").status_code == 302
    sheet.refresh_from_db()
    assert sheet.currency == "EUR"


def test_a_sheet_in_another_currency_than_the_subscription_is_refused_on_the_page() -> None:
    answers = subscription_answers(make_account(), rate_sheet=make_sheet(currency="CHF").pk)
    response = client_of(make_role("operator")).post(reverse("admin:billing_subscription_add"), answers)
    sentence = "The sheet is in CHF, the subscription in USD. Choose a sheet in USD, or correct the currency of one of"
    assert sentence in response.content.decode()


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"ended_on": "2026-01-01"}, "The subscription ends before its activation."),
        ({"currency": "usd"}, "The currency must be a code of three capital letters, such as USD."),
        (discounts({"percent": "101"}), "The discount must be a percentage from 0 to 100."),
        (discounts({"percent": "5"}, {"percent": "6"}), "Two of the discounts hold on the same days."),
        (
            discounts({"percent": "5", "effective_from": "2026-02-02", "effective_through": "2026-02-01"}),
            "The discount ends before it starts.",
        ),
        ({"activation_date": "2016-01-01", "ended_on": "2026-01-01"}, "The account has another subscription"),
    ],
)
def test_what_the_database_would_refuse_is_a_sentence_on_the_page(answers: Any, sentence: str) -> None:
    account = make_account()
    make_subscription(account=account, activation_date=date(2016, 1, 1), ended_on=date(2016, 12, 31))
    response = client_of(make_role("operator")).post(
        reverse("admin:billing_subscription_add"), subscription_answers(account, **answers)
    )
    assert response.status_code == 200
    assert sentence in response.content.decode()


def test_somebody_who_saves_between_check_and_save_costs_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_subscription(activation_date=date(2026, 1, 1))
    # As if it had not existed when the form was validated.
    monkeypatch.setattr(Subscription, "validate_constraints", lambda *_of, **_options: None)
    response = client_of(make_role("operator")).post(
        reverse("admin:billing_subscription_add"), subscription_answers(first.account)
    )
    assert response.status_code == 200
    assert "The account has another subscription on some of these days." in response.content.decode()
    assert Subscription.objects.count() == 1


def test_a_subscription_does_not_pass_to_another_account() -> None:
    subscription, other = make_subscription(), make_account()
    address = reverse("admin:billing_subscription_change", args=[subscription.pk])
    answers = subscription_answers(other, number=subscription.number, activation_date="2017-10-21")
    assert client_of(make_role("operator")).post(address, answers).status_code == 302
    assert Subscription.objects.get(pk=subscription.pk).account == subscription.account


def test_what_has_usage_is_not_deleted_and_a_sentence_says_why() -> None:
    account = make_account(name="Acme")
    subscription = make_subscription(account=account)
    charge = make_charge(name="CX 2 Named")
    make_session(
        entity=make_entity(account=account), charge=charge, started_at=instant("2026-03-01T09:00"), ended_at=None
    )
    client = client_of(make_role("superuser"))
    for found, sentence in [
        (account, "Acme cannot be deleted: it has entities, login sessions and subscriptions."),
        (charge, "CX 2 Named cannot be deleted: it has login sessions."),
        (subscription, f"{subscription} cannot be deleted: it has login sessions."),
    ]:
        address = reverse(f"admin:billing_{found._meta.model_name}_delete", args=[found.pk])
        for response in (client.get(address), client.post(address, {"post": "yes"})):
            assert response.status_code == 302
            assert sentence in sentences(response)
        found.refresh_from_db()


def test_a_subscription_through_the_last_day_of_the_calendar_is_not_deleted_either() -> None:
    account = make_account()
    subscription = make_subscription(account=account, ended_on=date(9999, 12, 31))
    make_call(account=account, started_at=instant("2026-03-01T09:00"))
    address = reverse("admin:billing_subscription_delete", args=[subscription.pk])
    response = client_of(make_role("superuser")).post(address, {"post": "yes"})
    assert f"{subscription} cannot be deleted: it has calls." in sentences(response)


def test_a_usage_group_that_names_calls_in_reports_is_not_deleted() -> None:
    group = UsageGroup.objects.create(version=make_version(), code="US-FIXED", display_name="USA")
    make_call(account=make_account(), started_at=instant("2026-03-01T09:00"), rate_sheet_version=group.version)
    address = reverse("admin:billing_usagegroup_delete", args=[group.pk])
    response = client_of(make_role("superuser")).post(address, {"post": "yes"})
    assert "USA cannot be deleted: it has calls." in sentences(response)


def test_what_has_no_usage_is_deleted() -> None:
    account = make_account()
    address = reverse("admin:billing_account_delete", args=[account.pk])
    assert client_of(make_role("operator")).post(address, {"post": "yes"}).status_code == 302
    assert not Account.objects.filter(pk=account.pk).exists()


def test_an_autocomplete_finds_for_staff_and_is_closed_to_customers() -> None:
    account = make_account()
    group = make_rate(version=make_version()).usage_group
    asked = {"app_label": "billing", "model_name": "rate", "field_name": "usage_group", "term": group.code}
    address = reverse("admin:autocomplete")
    found = client_of(make_role("operator")).get(address, asked).json()["results"]
    assert [row["id"] for row in found] == [str(group.pk)]
    assert client_of(make_role("customer granted everything", account)).get(address, asked).status_code == 403


def test_form_fields_hold_what_one_may_see_alone(rf: RequestFactory) -> None:
    own, other = make_subscription(), make_subscription()
    request = rf.get("/")
    request.user = make_role("customer granted everything", own.account)
    subscriptions = admin.site.get_model_admin(Subscription)
    field: Any = subscriptions.formfield_for_foreignkey(Subscription._meta.get_field("account"), request)
    assert list(field.queryset) == [own.account]
    [inline] = subscriptions.get_inline_instances(request) or [DiscountInline(Subscription, admin.site)]
    field = inline.formfield_for_foreignkey(TelcoCommitDiscount._meta.get_field("subscription"), request)
    assert list(field.queryset) == [own]
    groups: Any = admin.site.get_model_admin(Administrator).formfield_for_manytomany(
        Administrator._meta.get_field("groups"), request
    )
    assert Group.objects.exists()
    assert list(groups.queryset) == []
    assert other.account in Account.objects.all()


def test_a_filter_by_account_offers_the_visible_ones_alone(rf: RequestFactory) -> None:
    own, _other = make_account(), make_account()
    request = rf.get("/")
    request.user = make_role("customer granted everything", own)
    calls = admin.site.get_model_admin(Call)
    field = Call._meta.get_field("account")
    offered = AccountFilter(field, request, {}, Call, calls, "account").lookup_choices
    assert offered == [(str(own.pk), str(own))]
