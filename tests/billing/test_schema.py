"""The database itself refuses what the rules forbid, and forms give the reason in a sentence."""

from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from billing.models import Rate, RateSheetVersion, Subscription, TelcoCommitDiscount
from reports.models import ReportJob
from tests.factories import (
    instant,
    make_account,
    make_administrator,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_session,
    make_sheet,
    make_subscription,
    make_version,
)
from tests.raw_sql import refused, update
from usage.models import Call, EntityKind, LoginSession, ResourceUsage

pytestmark = pytest.mark.django_db


def test_a_session_cannot_be_of_another_accounts_entity() -> None:
    session = make_session(entity=make_entity(account=make_account()), started_at=instant("2026-03-01"), ended_at=None)
    stranger = make_entity(account=make_account())
    name = "login_session_is_of_an_entity_of_its_account"
    assert name in update(session, entity_id=stranger.pk)
    assert name in update(session, account_id=stranger.account_id)
    session.entity = stranger
    with pytest.raises(ValidationError, match="This belongs to another account"):
        session.full_clean()


def test_an_entity_with_sessions_cannot_move_to_another_account() -> None:
    entity = make_entity(account=make_account())
    make_session(entity=entity, started_at=instant("2026-03-01"), ended_at=None)
    assert "login_session_is_of_an_entity_of_its_account" in update(entity, account_id=make_account().pk)


def test_a_discount_cannot_be_of_another_accounts_subscription() -> None:
    mine, theirs = make_subscription(), make_subscription()
    discount = TelcoCommitDiscount.objects.create(account=mine.account, subscription=mine, percent=10)
    name = "discount_is_for_a_subscription_of_its_account"
    assert name in update(discount, subscription_id=theirs.pk)
    discount.subscription = theirs
    with pytest.raises(ValidationError, match="This belongs to another account"):
        discount.full_clean()


def test_a_report_job_cannot_be_on_another_accounts_subscription() -> None:
    mine, theirs = make_subscription(), make_subscription()
    job = ReportJob.objects.create(
        requested_by=make_administrator(),
        requested_on=date(2026, 1, 3),
        account=mine.account,
        subscription=mine,
        report_type="voice-usage",
        date_from=date(2026, 1, 1),
        date_through=date(2026, 1, 2),
    )
    assert "report_job_is_on_a_subscription_of_its_account" in update(job, subscription_id=theirs.pk)


@pytest.mark.parametrize(
    ("from_day", "through"), [("2026-01-31", None), ("2026-01-01", "2026-01-31"), ("2025-01-01", "2027-01-01")]
)
def test_an_account_has_one_subscription_at_a_time(from_day: str, through: str | None) -> None:
    first = make_subscription(activation_date=date(2026, 1, 10), ended_on=date(2026, 1, 31))
    second = Subscription(
        account=first.account,
        number="SUB-second",
        activation_date=date.fromisoformat(from_day),
        ended_on=date.fromisoformat(through) if through else None,
        currency="USD",
    )
    with pytest.raises(ValidationError, match="another subscription on some of these days"):
        second.full_clean()
    with pytest.raises(DatabaseError, match="subscriptions_of_an_account_do_not_overlap"), transaction.atomic():
        second.save()


def test_subscriptions_follow_one_another_and_those_of_two_accounts_do_not_meet() -> None:
    first = make_subscription(activation_date=date(2026, 1, 10), ended_on=date(2026, 1, 31))
    make_subscription(account=first.account, activation_date=date(2026, 2, 1))
    make_subscription(activation_date=date(2026, 1, 10))
    assert Subscription.objects.count() == 3


def test_versions_of_a_sheet_do_not_overlap() -> None:
    first = make_version(effective_from=date(2026, 1, 1), effective_through=date(2026, 1, 31))
    second = RateSheetVersion(rate_sheet=first.rate_sheet, effective_from=date(2026, 1, 31))
    with pytest.raises(ValidationError, match="Another version of this sheet is in force"):
        second.full_clean()
    with pytest.raises(DatabaseError, match="rate_sheet_versions_do_not_overlap"), transaction.atomic():
        second.save()
    make_version(sheet=first.rate_sheet, effective_from=date(2026, 2, 1))


def test_discounts_of_a_subscription_do_not_overlap() -> None:
    subscription = make_subscription()
    TelcoCommitDiscount.objects.create(account=subscription.account, subscription=subscription, percent=10)
    second = TelcoCommitDiscount(
        account=subscription.account, subscription=subscription, percent=5, effective_from=date(2026, 1, 1)
    )
    with pytest.raises(ValidationError, match="another discount on some of these days"):
        second.full_clean()
    with pytest.raises(DatabaseError, match="discounts_of_a_subscription_do_not_overlap"), transaction.atomic():
        second.save()


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (make_subscription, {"ended_on": "2017-10-20"}),
        (make_version, {"effective_through": "2016-12-31"}),
    ],
)
def test_days_in_the_wrong_order_are_refused_and_never_an_error_of_the_server(make: Any, columns: Any) -> None:
    row = make()
    assert update(row, **columns)
    [(name, day)] = columns.items()
    setattr(row, name, date.fromisoformat(day))
    with pytest.raises(ValidationError, match=r"before it"):
        row.full_clean()


def a_call(**fields: Any) -> Call:
    return make_call(account=make_account(), started_at=instant("2026-03-01T09:00"), **fields)


def a_rated_call() -> Call:
    return a_call(rate_sheet_version=make_version(), rate_per_minute=1, adjusted_seconds=6, cost=1, currency="USD")


def a_session() -> LoginSession:
    return make_session(
        entity=make_entity(account=make_account()), started_at=instant("2026-03-01T09:00"), ended_at=None
    )


def a_discount() -> TelcoCommitDiscount:
    subscription = make_subscription()
    return TelcoCommitDiscount.objects.create(account=subscription.account, subscription=subscription, percent=10)


def a_rate() -> Rate:
    return make_rate(version=make_version())


def some_usage() -> ResourceUsage:
    return make_resource_usage(account=make_account(), used_on=date(2026, 3, 1))


@pytest.mark.parametrize(
    ("make", "columns", "constraint"),
    [
        (a_call, {"ended_at": "2026-03-01T08:59Z"}, "call_ends_after_start"),
        (a_call, {"ended_at": "infinity"}, "call_has_finite_instants"),
        (a_call, {"started_at": "-infinity"}, "call_has_finite_instants"),
        (a_call, {"started_at": "-infinity", "ended_at": "infinity"}, "call_has_finite_instants"),
        (a_call, {"started_at": "infinity", "ended_at": "infinity"}, "call_has_finite_instants"),
        (a_call, {"ended_at": "-infinity"}, "call_ends_after_start"),
        (a_call, {"direction": "Sideways"}, "call_direction_is_inbound_or_outbound"),
        (a_call, {"cost": "1"}, "call_is_rated_in_full_or_not_at_all"),
        (a_call, {"rate_sheet_version_id": -1}, "foreign key"),
        (a_rated_call, {"rate_per_minute": "NaN"}, "call_has_finite_amounts"),
        (a_rated_call, {"cost": "NaN"}, "call_has_finite_amounts"),
        (a_rated_call, {"cost": "-1"}, "call_is_rated_in_full_or_not_at_all"),
        (a_rated_call, {"currency": None}, "call_is_rated_in_full_or_not_at_all"),
        (a_session, {"ended_at": "2026-03-01T08:59Z"}, "login_session_ends_after_start"),
        (a_session, {"ended_at": "infinity"}, "login_session_has_finite_instants"),
        (a_session, {"started_at": "-infinity"}, "login_session_has_finite_instants"),
        (some_usage, {"quantity": "NaN"}, "resource_usage_is_a_finite_amount"),
        (some_usage, {"quantity": "-1"}, "resource_usage_is_a_finite_amount"),
        (some_usage, {"used_on": "infinity"}, "resource_usage_is_on_a_finite_day"),
        (a_rate, {"rate_per_minute": "NaN"}, "rate_is_a_finite_amount"),
        (a_rate, {"rate_per_minute": "-0.01"}, "rate_is_a_finite_amount"),
        (a_rate, {"direction": "Sideways"}, "rate_direction_is_inbound_or_outbound"),
        (a_discount, {"percent": "NaN"}, "discount_is_a_percentage"),
        (a_discount, {"percent": "100.0001"}, "discount_is_a_percentage"),
        (make_subscription, {"currency": "usd"}, "subscription_currency_is_a_code"),
        (make_subscription, {"cycle_policy": "monthly"}, "subscription_has_known_cycle_policy"),
        (make_sheet, {"currency": "US"}, "rate_sheet_currency_is_a_code"),
        (make_version, {"increment_seconds": 0}, "rate_sheet_increment_is_positive"),
        (make_charge, {"basis": "weekly"}, "charge_has_known_basis"),
        (make_account, {"code": ""}, "account_has_code"),
        (make_administrator, {"email": "Ana@acme.example"}, "administrator_email_is_lower_case"),
        (make_administrator, {"is_superuser": True}, "superuser_is_platform_staff"),
    ],
)
def test_the_database_refuses_what_no_rule_allows(make: Any, columns: Any, constraint: str) -> None:
    assert constraint in update(make(), **columns)


@pytest.mark.parametrize(("make", "ended_at"), [(a_call, "2026-03-01T09:00Z"), (a_session, "2026-03-01T09:00Z")])
def test_an_end_may_equal_its_start(make: Any, ended_at: str) -> None:
    row = make()
    type(row).objects.filter(pk=row.pk).update(ended_at=ended_at)
    row.refresh_from_db()
    assert row.ended_at == row.started_at


def test_natural_keys_are_unique_in_their_account_and_free_in_another() -> None:
    call = a_call()
    assert "sip_call_id_is_unique_in_account" in refused(
        "INSERT INTO usage_call (account_id, sip_call_id, origin, destination, usage_group, call_type, direction, "
        "started_at, ended_at) SELECT account_id, sip_call_id, '', '', '', '', 'Inbound', started_at, ended_at "
        "FROM usage_call WHERE id = %s",
        call.pk,
    )
    make_call(account=make_account(), started_at=call.started_at, sip_call_id=call.sip_call_id)
    entity = make_entity(account=call.account, identifier="ana@acme.example")
    make_entity(account=make_account(), identifier="ana@acme.example")
    phone = make_entity(account=call.account, identifier="phone", kind=EntityKind.DEVICE)
    assert "entity_identifier_is_unique_in_account" in update(phone, identifier=entity.identifier)


def test_the_owner_of_the_tables_is_no_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT r.rolsuper, r.rolbypassrls, r.rolcreaterole FROM pg_tables t "
            "JOIN pg_roles r ON r.rolname = t.tableowner WHERE t.schemaname = current_schema()"
        )
        assert cursor.fetchall() == [(False, False, False)]
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)


def test_every_table_but_the_shared_ones_carries_its_account() -> None:
    shared = {
        *("account", "administrator", "charge", "ratesheet", "ratesheetversion", "usagegroup", "rate"),
        *("resource", "allowance", "idempotencykey"),
        "uploadchange",  # read by way of its upload alone, which may be of no account
        "jobsubscriber",  # read by way of its job alone
    }
    # Uploads of accounts or rates have no account, nor have their steps; a token without one is for all of its
    # owner's; the data version without one is that of the shared tables.
    perhaps_of_none = {"upload", "uploadstep", "apitoken", "dataversion"}
    for model in apps.get_models():
        if model._meta.app_label in {"billing", "usage", "reports"} and model._meta.model_name not in shared:
            field = model._meta.get_field("account")
            assert not field.null or model._meta.model_name in perhaps_of_none, model
