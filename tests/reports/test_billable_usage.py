"""Billable Usage: each entity with a billable login in the range, per charge and billing cycle."""

from datetime import date

import pytest

from billing.models import Subscription
from tests.factories import instant, make_account, make_charge, make_entity, make_session, make_subscription
from tests.report_files import report
from usage.models import EntityKind

pytestmark = pytest.mark.django_db

HEADING = "Charge Name,Entity,Timestamp"


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(activation_date=date(2026, 3, 21))


def test_the_timestamp_is_the_first_login_under_that_charge_in_that_cycle_even_before_the_range(
    subscription: Subscription,
) -> None:
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    ben = make_entity(account=subscription.account, identifier="ben@acme.example")
    named, hourly = make_charge(name="CX 2 Named"), make_charge(name="CX 1 Hourly", basis="hourly")
    for entity, charge, moment in [
        (ana, named, "2026-03-25T08:00"),
        (ana, named, "2026-04-10T08:00"),
        (ana, hourly, "2026-04-11T08:00"),
        (ben, named, "2026-03-30T08:00"),  # logged in before the range only
    ]:
        make_session(entity=entity, charge=charge, started_at=instant(moment), ended_at=None)

    assert report("billable-usage", subscription, "2026-04-10..2026-04-12") == [
        HEADING,
        "CX 1 Hourly,ana@acme.example,2026-04-11T08:00:00.000Z",
        "CX 2 Named,ana@acme.example,2026-03-25T08:00:00.000Z",
    ]


def test_each_cycle_of_the_range_has_a_row_of_its_own(subscription: Subscription) -> None:
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    charge = make_charge(name="CX 2 Named")
    for moment in ["2026-04-21T23:59:59.999", "2026-04-22T00:00", "2026-05-21T12:00", "2026-05-22T12:00"]:
        make_session(entity=ana, charge=charge, started_at=instant(moment), ended_at=instant(moment))

    assert report("billable-usage", subscription, "2026-03-21..2026-06-01") == [
        HEADING,
        "CX 2 Named,ana@acme.example,2026-04-21T23:59:59.999Z",
        "CX 2 Named,ana@acme.example,2026-04-22T00:00:00.000Z",
        "CX 2 Named,ana@acme.example,2026-05-22T12:00:00.000Z",
    ]


def test_a_subscription_that_renews_on_the_anniversary_is_cut_there(subscription: Subscription) -> None:
    subscription.cycle_policy = "before_anniversary"
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    charge = make_charge(name="CX 2 Named")
    for moment in ["2026-04-20T12:00", "2026-04-21T12:00", "2026-04-22T12:00"]:
        make_session(entity=ana, charge=charge, started_at=instant(moment), ended_at=None)

    assert report("billable-usage", subscription, "2026-03-21..2026-06-01")[1:] == [
        "CX 2 Named,ana@acme.example,2026-04-20T12:00:00.000Z",
        "CX 2 Named,ana@acme.example,2026-04-21T12:00:00.000Z",
    ]


def test_neither_sessions_that_are_not_billable_nor_other_accounts_nor_times_before_the_activation_count(
    subscription: Subscription,
) -> None:
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    stranger = make_entity(account=make_account(), identifier="ana@acme.example")
    charge = make_charge(name="CX 2 Named")
    make_session(entity=ana, charge=charge, started_at=instant("2026-03-20T23:59"), ended_at=None)
    make_session(entity=ana, charge=charge, started_at=instant("2026-03-22T08:00"), ended_at=None, billable=False)
    make_session(entity=stranger, charge=charge, started_at=instant("2026-03-22T08:00"), ended_at=None)

    assert report("billable-usage", subscription, "2026-03-21..2026-04-21") == [HEADING]


def test_devices_are_billed_too_and_text_is_ordered_by_code_point(subscription: Subscription) -> None:
    phone = make_entity(account=subscription.account, identifier="SEP-01", kind=EntityKind.DEVICE)
    ana = make_entity(account=subscription.account, identifier="ana@acme.example")
    for name in ["a named", "Ä named", "B named"]:
        charge = make_charge(name=name)
        for entity in (ana, phone):
            make_session(entity=entity, charge=charge, started_at=instant("2026-03-22T08:00"), ended_at=None)

    assert [line.rsplit(",", 1)[0] for line in report("billable-usage", subscription, "2026-03-22")[1:]] == [
        "B named,SEP-01",
        "B named,ana@acme.example",
        "a named,SEP-01",
        "a named,ana@acme.example",
        "Ä named,SEP-01",
        "Ä named,ana@acme.example",
    ]
