"""Loading the demo: through the upload path, once, and then only what is missing."""

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from billing.models import Account, Administrator, Subscription
from demo.companies import COMPANIES
from demo.load import Demo, DemoRefusedError
from demo.sign_ins import SIGN_INS
from demo.world import written
from reports import types
from tests.demo.worlds import LOADED_ON, YESTERDAY, cells, small_world, usage
from tests.factories import make_account, make_charge, make_entity
from tests.report_files import report
from tests.uploads import taken
from usage.models import Allowance, Call, LoginSession, ResourceUsage, Upload, UploadStatus

pytestmark = pytest.mark.django_db
SCALE = 0.02
LATER = LOADED_ON + timedelta(days=9)


def load(*, today: date = LOADED_ON, seed: int = 1, scale: float = SCALE) -> list[str]:
    """Load a small demo at a minute past midnight of a day; return its output."""
    said: list[str] = []
    now = datetime.combine(today, time(0, 1), tzinfo=UTC)
    Demo(seed=seed, scale=scale, today=today, now=now, say=said.append).load()
    return said


def assert_holds_usage_through(day: date) -> None:
    """Assert that the database holds exactly the usage that generating everything at once gives."""
    expected = usage(small_world(scale=SCALE), day)
    sessions = LoginSession.objects.values_list("account__code", "session_id", "started_at", "ended_at")
    assert {(code, key, written(start), written(end) if end else "") for code, key, start, end in sessions} == set(
        cells("sessions", expected["sessions"], "account", "session_id", "started_at", "ended_at")
    )
    calls = Call.objects.values_list("account__code", "sip_call_id", "started_at", "ended_at")
    assert {(code, key, written(start), written(end)) for code, key, start, end in calls} == set(
        cells("calls", expected["calls"], "account", "sip_call_id", "start_time", "end_time")
    )
    days = ResourceUsage.objects.values_list("account__code", "used_on", "resource__name", "quantity")
    assert {(code, str(day), resource, f"{quantity.normalize():f}") for code, day, resource, quantity in days} == {
        (code, day, resource, quantity.rstrip("0").rstrip(".") if "." in quantity else quantity)
        for code, day, resource, quantity in cells(
            "resource_usage", expected["resource_usage"], "account", "date", "resource", "quantity"
        )
    }


def test_every_file_is_accepted_whole() -> None:
    said = load()
    assert [line.split(":")[0] for line in said] == [
        *("Accounts", "Charges", "Resources", "Rates", "Users", "Devices", "Subscriptions"),
        *("Login sessions", "Calls", "Resource usage", "Demo sign-ins"),
    ]
    assert_holds_usage_through(YESTERDAY)
    assert set(Account.objects.values_list("code", flat=True)) == {company.code for company in COMPANIES}
    assert Allowance.objects.exists()
    assert Administrator.objects.count() == len(SIGN_INS)
    assert_calls_are_rated()


def assert_calls_are_rated() -> None:
    """Assert that most calls have a price, in the currency of their account's sheet."""
    rated = Call.objects.exclude(cost=None)
    assert rated.count() > 0.9 * Call.objects.count()
    assert set(rated.values_list("account__code", "currency").distinct()) == {
        ("ACME", "USD"),
        ("BRIGHTLINE", "USD"),
        ("HARBOUR", "GBP"),
        ("NORDLICHT", "EUR"),
    }
    assert Subscription.objects.get(number="SUB-2001").telco_commit_discounts.get().percent == 12.5


def test_a_second_load_on_the_same_day_or_with_the_clock_set_back_changes_nothing() -> None:
    load()
    assert load() == []
    assert load(today=LOADED_ON - timedelta(days=40)) == []
    assert_holds_usage_through(YESTERDAY)


def test_a_later_load_adds_the_missing_days_and_ends_what_was_still_going_on() -> None:
    load()
    were_open = set(LoginSession.objects.filter(ended_at=None).values_list("session_id", flat=True))
    load(today=LATER)
    assert_holds_usage_through(LATER - timedelta(days=1))
    assert not LoginSession.objects.filter(session_id__in=were_open, ended_at=None).exists()
    assert Call.objects.filter(account__code="LUMIERE").exists()


def test_an_interrupted_load_goes_on_where_it_stopped() -> None:
    load()
    ResourceUsage.objects.filter(used_on__gt=date(2026, 11, 1)).delete()
    Call.objects.filter(started_at__day=5, started_at__month=11).delete()
    Administrator.objects.get(email="ana@acme.example").delete()
    load(today=LATER)
    assert_holds_usage_through(LATER - timedelta(days=1))
    assert Administrator.objects.count() == len(SIGN_INS)


def test_another_seed_or_size_is_refused_where_a_demo_is() -> None:
    load()
    for other in ({"seed": 2}, {"scale": 0.3}):
        with pytest.raises(DemoRefusedError, match="another seed or scale"):
            load(today=LATER, **other)
    assert_holds_usage_through(YESTERDAY)


def test_data_that_contradict_the_demo_are_named_and_kept() -> None:
    charge = make_charge(name="CX 1 Named", basis="hourly")
    entity = make_entity(account=make_account(code="ACME", name="Another Acme"), identifier="ana@acme.example")
    LoginSession.objects.create(
        account=entity.account, entity=entity, charge=charge, session_id="S1", started_at="2026-01-01T00:00Z"
    )
    Subscription.objects.create(account=entity.account, number="MINE-1", activation_date="2026-01-01", currency="USD")
    with pytest.raises(DemoRefusedError, match="Subscriptions, row"):
        load()
    assert LoginSession.objects.count() == 1


def test_each_report_of_acmes_previous_cycle_has_at_least_thirty_rows() -> None:
    load(scale=0.3)
    subscription = Subscription.objects.get(number="SUB-1001")
    previous = subscription.contract.previous_range(LOADED_ON)
    assert previous is not None
    days = f"{previous.date_from}..{previous.date_through}"
    rows = {
        report_type.slug: len(report(report_type.slug, subscription, days, today=str(LOADED_ON))) - 1
        for report_type in types.all_types()
    }
    assert len(rows) >= 5
    assert min(rows.values()) >= 30, rows
    assert Call.objects.filter(account__code="ACME", cost=None).exists()


def test_the_command_loads_and_says_so(settings: Settings) -> None:
    settings.LOCAL = True
    said = StringIO()
    call_command("load_demo_data", "--scale=0.02", "--seed=3", "--today=2026-03-01", stderr=said)
    assert "Calls: " in said.getvalue()
    assert ResourceUsage.objects.latest("used_on").used_on == date(2026, 2, 28)


def test_the_command_spares_a_database_that_is_not_the_embedded_one(settings: Settings) -> None:
    settings.LOCAL = False
    with pytest.raises(CommandError, match="the demo's passwords are public"):
        call_command("load_demo_data", "--scale=0.02")
    assert not Administrator.objects.exists()
    call_command("load_demo_data", "--scale=0.02", "--today=2026-03-01", "--force", stderr=StringIO())
    assert Administrator.objects.exists()


@pytest.mark.parametrize("argument", ["--today=yesterday", "--scale=0", "--scale=nan", "--seed=one"])
def test_the_command_refuses_what_it_does_not_understand(argument: str) -> None:
    with pytest.raises(CommandError, match="invalid"):
        call_command("load_demo_data", argument)


def test_a_file_waits_to_be_decided_on_once() -> None:
    load(scale=0.2)
    load(today=LATER, scale=0.2)
    upload = Upload.objects.exclude(latest_step=None).get()
    calls = Call.objects.count()
    upload = taken(upload)
    assert upload.status == UploadStatus.READY
    assert (upload.rows_new, upload.rows_changed, upload.rows_unchanged, upload.rows_in_error) == (40, 6, 0, 4)
    assert Call.objects.count() == calls
