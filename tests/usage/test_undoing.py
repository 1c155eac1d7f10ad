"""Undoing an upload restores everything, or a sentence says why it cannot."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import (
    Account,
    Charge,
    DataVersion,
    Rate,
    RateSheet,
    RateSheetVersion,
    Subscription,
    TelcoCommitDiscount,
)
from jobs.states import State
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
    make_subscription,
    make_version,
)
from tests.people import make_uploader
from tests.profiles import examples
from tests.uploads import applied, receive_users, taken
from tests.usage_files import NOW, table
from tests.waiting import FOREVER_SECONDS, GUARD_SECONDS, guarded
from usage.models import (
    Call,
    Entity,
    EntityKind,
    LoginSession,
    Resource,
    ResourceUsage,
    Upload,
    UploadChange,
    UploadKind,
    UploadStatus,
    UploadStep,
)
from usage.undo import undo_upload
from usage.uploads import decide
from usage.uploads.command_line import at_once

MARCH = "2026-03-01T09:00:00Z"
BOOKKEEPING = {Upload, UploadStep, UploadChange, DataVersion}


pytestmark = pytest.mark.django_db


def everything() -> dict[str, dict[int, Any]]:
    """Return every row of the data, by table and ID."""
    found = {}
    for app in ("billing", "usage"):
        for model in apps.get_app_config(app).get_models():
            if model not in BOOKKEEPING and not model._meta.proxy:
                name = model._meta.db_table
                with connection.cursor() as cursor:
                    cursor.execute(f'SELECT id, to_jsonb(t)::text FROM "{name}" t')
                    found[name] = dict(cursor.fetchall())
    return found


def apply(
    kind: str, text: str, account: Account | None = None, *, name: str = "", creates_users: bool = False
) -> Upload:
    """Return the upload of a file, applied as from the command line, without its rows in error."""
    file = io.BytesIO(text.encode())
    with at_once(
        UploadKind(kind), file, account, name=name or f"{kind}.csv", now=NOW, creates_users=creates_users
    ) as one:
        assert one.apply(skip_errors=True).is_applied, one.staged.errors(5)
    return Upload.objects.get(pk=one.upload.pk)


def refusal(upload: Upload) -> list[str]:
    """Return why an upload cannot be undone, after trying it without a change to the data."""
    blockers = undo_upload.plan(upload).blockers
    before = everything()
    with pytest.raises(undo_upload.UndoRefusedError) as refused:
        undo_upload.undo(upload)
    assert str(refused.value) == " ".join(blockers)
    assert everything() == before
    return blockers


def call(number: int, start: str, group: str = "US-FIXED", *, destination: str = "+2") -> str:
    """Return a row of a file of calls: an outbound call of 55 seconds."""
    return f"c{number},+1,{destination},{group},voice,Outbound,{start}T09:00:00Z,{start}T09:00:55Z"


def rate(start: str, amount: str, group: str = "US-FIXED", *, sheet: str = "World", name: str = "US") -> str:
    """Return a row of a file of rates."""
    return f"{sheet},USD,{start},{group},{name},voice,Outbound,{amount}"


def world(*, discount: str | None = None) -> Account:
    """Create an account with a row of every kind, each from an upload; the upload of its calls is kept."""
    account = make_account(code="ACME")
    version = make_version(
        sheet=RateSheet.objects.create(name="World", currency="USD"), effective_from=date(2026, 1, 1)
    )
    make_rate(version=version, rate="0.01")
    make_rate(version=version, rate="0.02", code="DE")
    subscription = make_subscription(
        account=account, number="S-1", activation_date=date(2026, 1, 1), rate_sheet=version.rate_sheet
    )
    if discount:
        TelcoCommitDiscount.objects.create(account=account, subscription=subscription, percent=discount)
    named, hourly = make_charge(name="Named"), make_charge(name="Hourly", basis="hourly")
    ana, bob = (make_entity(account=account, identifier=f"{name}@a.example") for name in ("ana", "bob"))
    Entity.objects.filter(pk=ana.pk).update(name="Ana", division="Support")
    for name in ("phone-1", "phone-2"):
        make_entity(account=account, identifier=name, kind=EntityKind.DEVICE)
    start, end = instant("2026-03-01T09:00"), instant("2026-03-01T10:00")
    first = make_session(entity=ana, charge=named, started_at=start, ended_at=None)
    second = make_session(entity=bob, charge=hourly, started_at=start, ended_at=end)
    LoginSession.objects.filter(pk=first.pk).update(session_id="s1")
    LoginSession.objects.filter(pk=second.pk).update(session_id="s2")
    sms = Resource.objects.create(name="SMS", unit="message")
    for day, quantity in ((1, "12"), (2, "1")):
        make_resource_usage(account=account, resource=sms, used_on=date(2026, 3, day), quantity=quantity)
    for model in (Account, Rate, Subscription, Charge, Entity, LoginSession, Resource, ResourceUsage):
        model._base_manager.update(upload_id=uuid4())
    calls = (call(1, "2026-03-01"), call(2, "2026-03-01", "FR"), call(3, "2026-04-20"), call(4, "2026-04-20", "FR"))
    apply("calls", table("calls", *calls), account)
    return account


SHARED = {
    "accounts": "code,name\nACME,Acme renamed\nNEW,New\n",
    "charges": "name,basis\nNamed,concurrent\nHourly,hourly\nDesk,device\n",
    "resources": "name,unit\nSMS,short message\nIVR,minute\n",
}
OF_ACCOUNT = {
    "users": "email,name,division\nana@a.example,Ana,Sales\nbob@a.example,,\ncyd@a.example,Cyd,\n",
    "devices": "device_id,name\nphone-1,Lobby\nphone-2,\nphone-3,New\n",
    "sessions": table(
        "sessions",
        "s1,bob@a.example,Hourly,2026-03-01T09:00:00Z,2026-03-01T11:00:00Z",
        "s2,bob@a.example,Hourly,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z",
        "s3,phone-1,Named,2026-03-01T09:00:00.123Z,",
    ),
    "resource_usage": "date,resource,quantity\n2026-03-01,SMS,0.5\n2026-03-02,SMS,1\n2026-03-03,SMS,7\n",
    "calls": table(
        "calls",
        call(1, "2026-03-01", "DE"),  # rated differently
        call(2, "2026-03-01"),  # rated now
        call(3, "2026-04-20", "FR"),  # not rated now
        call(4, "2026-04-20", "FR"),
        call(5, "2026-03-01"),
    ),
}
RATES = {
    "a version that ends its predecessor": [rate("2026-04-01", "0.03"), rate("2026-04-01", "0.04", "FR")],
    "a price of an unknown group": [rate("2026-01-01", "0.05", "FR", name="France")],
    "a new price, a display name, a new version": [
        rate("2026-01-01", "0.5", name="States"),
        rate("2026-02-01", "0.02", "DE", name="Deutschland"),
    ],
    "a sheet without subscriptions": [rate("2026-01-01", "0.5", sheet="Elsewhere")],
    "nothing but a display name": [rate("2026-01-01", "0.01", name="U.S.")],
}


@pytest.mark.parametrize("kind", [*SHARED, *OF_ACCOUNT])
def test_undoing_gives_back_every_row_as_it_was(kind: str) -> None:
    account = world()
    before = everything()
    versions = DataVersion.objects.of()
    upload = apply(kind, {**SHARED, **OF_ACCOUNT}[kind], None if kind in SHARED else account)
    assert upload.rows_new
    assert upload.rows_changed
    assert everything() != before
    after = DataVersion.objects.of()
    plan = undo_upload.plan(upload)
    assert (sum(number for _label, number in plan.removed), plan.restored) == (upload.rows_new, upload.rows_changed)
    assert undo_upload.undo(upload) == plan
    assert everything() == before
    assert not UploadChange.objects.filter(upload=upload).exists()
    assert DataVersion.objects.of() not in {versions, after}
    upload.refresh_from_db()
    assert upload.undone_at
    assert refusal(upload) == ["It has already been undone."]


@pytest.mark.parametrize("rows", RATES.values(), ids=RATES.keys())
def test_undoing_rates_gives_back_prices_versions_groups_and_ratings(rows: list[str]) -> None:
    world()
    before = everything()
    upload = apply("rates", table("rates", *rows))
    assert everything() != before
    undo_upload.undo(upload)
    assert everything() == before


def test_undoing_rates_takes_their_rating_off_the_calls_that_they_rated() -> None:
    world()
    before = everything()
    upload = apply("rates", table("rates", rate("2026-01-01", "0.05", "FR", name="France")))
    assert Call.objects.unrated().count() == 0
    plan = undo_upload.plan(upload)
    assert (plan.removed, plan.restored, plan.rerated) == ([("rate", 1), ("usage group", 1)], 0, 2)
    undo_upload.undo(upload)
    assert Call.objects.unrated().count() == 2
    assert everything() == before


BORDER = "S-1,ACME,2026-01-01,USD,2026-04-30,10\nS-2,ACME,2026-05-01,USD,,5\n"


@pytest.mark.parametrize(
    "text",
    [
        "number,account,activation_date,currency,ended_on,telco_commit_percent\n" + BORDER,
        "number,account,activation_date,currency,rate_sheet\nS-1,ACME,2026-01-01,USD,Still to come\n",
        "number,account,activation_date,currency,telco_commit_percent\nS-1,ACME,2026-01-01,USD,\n",
        "number,account,activation_date,currency,telco_commit_percent\nS-1,ACME,2026-01-01,USD,7\n",
    ],
    ids=["a border and discounts", "a sheet to be made", "a discount taken away", "a discount changed"],
)
def test_undoing_subscriptions_gives_back_contracts_discounts_and_sheets(text: str) -> None:
    world(discount="3.5")
    before = everything()
    upload = apply("subscriptions", text)
    assert everything() != before
    undo_upload.undo(upload)
    assert everything() == before


def test_undoing_a_first_subscription_takes_the_rating_off_its_calls() -> None:
    account = make_account(code="ACME")
    apply("rates", table("rates", rate("2026-01-01", "0.01")))
    apply("calls", table("calls", call(1, "2026-03-01")), account)
    before = everything()
    upload = apply("subscriptions", table("subscriptions", "S-1,ACME,2026-01-01,USD,World"))
    assert Call.objects.unrated().count() == 0
    assert undo_upload.undo(upload).rerated == 1
    assert everything() == before


def test_undoing_sessions_removes_the_users_that_they_made() -> None:
    account = world()
    before = everything()
    rows = table(
        "sessions",
        "s1,new@a.example,Named,2026-03-01T09:00:00Z,",
        "s9,other@a.example,Named,2026-03-01T09:00:00Z,",
    )
    upload = apply("sessions", rows, account, creates_users=True)
    plan = undo_upload.undo(upload)
    assert (plan.removed, plan.restored) == ([("login session", 1), ("users", 2)], 1)
    assert everything() == before


# --- Blockers -----------------------------------------------------------------------------------------------------


def test_what_refers_to_a_new_row_is_counted() -> None:
    account = make_account(code="ACME")
    charges = apply("charges", "name,basis\nNamed,named\n")
    resources = apply("resources", "name,unit\nSMS,message\n")
    users = apply("users", "email\nana@a.example\nbob@a.example\n", account)
    accounts = apply("accounts", "code,name\nNEW,New\n")
    rates = apply("rates", table("rates", rate("2026-01-01", "0.01")))
    rows = table("sessions", *[f"s{n},ana@a.example,Named,2026-03-01T09:00:00Z," for n in range(3)])
    sessions = apply("sessions", rows, account)
    Resource.objects.get().allowances.create(charge=Charge.objects.get(), quantity=5)
    subscriptions = apply("subscriptions", table("subscriptions", "S-1,NEW,2026-01-01,USD,World"))
    assert refusal(users) == ["3 login sessions refer to these users."]
    assert refusal(charges) == ["3 login sessions refer to this charge.", "1 allowance refers to this charge."]
    assert refusal(resources) == ["1 allowance refers to this resource."]
    assert refusal(accounts) == ["1 subscription refers to this account."]
    assert refusal(rates) == ["1 subscription refers to this rate sheet."]
    for upload in (subscriptions, sessions, users, rates, accounts):
        undo_upload.undo(upload)
    assert not Entity.objects.exists()


def test_rows_that_later_uploads_wrote_over_are_counted_with_their_names() -> None:
    account = world()
    first = apply("users", "email,name\nx@a.example,X\ny@a.example,Y\nz@a.example,Z\nana@a.example,A\n", account)
    second = apply("users", "email,name\nx@a.example,XX\nana@a.example,AA\n", account, name="users-2.csv")
    assert refusal(first) == ["2 of its rows were written over by a later upload (users-2.csv)."]
    third = apply("users", "email,name\nx@a.example,XXX\ny@a.example,YY\n", account, name="users-3.csv")
    assert refusal(first) == ["3 of its rows were written over by later uploads (users-3.csv, users-2.csv)."]
    assert refusal(second) == ["1 of its rows was written over by a later upload (users-3.csv)."]
    Entity.objects.filter(identifier="z@a.example").delete()
    Entity.objects.filter(identifier="ana@a.example").update(upload_id=None)
    assert refusal(first) == [
        "3 of its rows were written over by later uploads (users-3.csv, users-2.csv).",
        "1 of its rows was changed or deleted by hand since.",
    ]
    undo_upload.undo(third)
    assert refusal(second) == ["1 of its rows was changed or deleted by hand since."]


def test_a_file_of_several_accounts_is_not_named_to_who_may_see_one() -> None:
    account = make_account(code="ACME")
    first = apply("users", "email,name\nana@acme.example,Ana\n", account)
    apply("users", "account,email,name\nACME,ana@acme.example,Anna\n", name="secret.csv")
    assert refusal(first) == ["1 of its rows was written over by a later upload."]


def test_prices_and_contracts_that_were_changed_since_are_not_undone() -> None:
    world()
    by_hand = ["1 of its rows was changed or deleted by hand since."]
    prices = apply("rates", table("rates", rate("2026-05-01", "0.7")))
    later = apply("rates", table("rates", rate("2026-05-01", "0.8")), name="rates-2.csv")
    assert refusal(prices) == ["1 of its rows was written over by a later upload (rates-2.csv)."]
    undo_upload.undo(later)
    assert undo_upload.plan(prices).is_possible
    Rate.objects.filter(rate_per_minute="0.7").update(rate_per_minute="0.9")
    assert refusal(prices) == by_hand
    contract = apply(
        "subscriptions", "number,account,activation_date,currency,ended_on\nS-1,ACME,2026-01-01,USD,2026-12-31\n"
    )
    assert undo_upload.plan(contract).is_possible
    Subscription.objects.update(ended_on=date(2026, 11, 30))
    assert refusal(contract) == by_hand


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_for_a_page_is_left_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = apply("users", "email,name\nana@acme.example,Ana\n", make_account())
    monkeypatch.setattr(undo_upload, "SECONDS_FOR_A_PAGE", FOREVER_SECONDS)
    assert undo_upload.plan_at_once(upload) == undo_upload.plan(upload)
    monkeypatch.setattr(undo_upload, "SECONDS_FOR_A_PAGE", 0.05)
    locked, release = threading.Event(), threading.Event()

    def lock_the_rows() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE usage_entity IN ACCESS EXCLUSIVE MODE")
            locked.set()
            release.wait()
        connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(lock_the_rows)
        try:
            assert locked.wait(GUARD_SECONDS)
            with guarded("the page is shown without the numbers"):
                found = undo_upload.plan_at_once(upload)
        finally:
            release.set()
    assert (found.is_unknown, found.is_possible) == (True, True)


def test_a_later_upload_undone_makes_the_earlier_one_undoable_again() -> None:
    account = world()
    before = everything()
    first = apply("calls", OF_ACCOUNT["calls"], account)
    between = everything()
    second = apply("calls", table("calls", call(1, "2026-03-02", "FR"), call(5, "2026-03-05")), account)
    assert not undo_upload.plan(first).is_possible
    undo_upload.undo(second)
    assert everything() == between
    undo_upload.undo(first)
    assert everything() == before


def test_rates_that_calls_were_rated_by_since_are_not_undone() -> None:
    account = world()
    prices = apply("rates", table("rates", rate("2026-01-01", "0.05", "FR"), rate("2026-01-01", "0.5")))
    version = apply("rates", table("rates", rate("2026-05-01", "0.7")))
    calls = apply(
        "calls", table("calls", call(6, "2026-03-05", "FR"), call(7, "2026-03-05"), call(8, "2026-05-05")), account
    )
    assert refusal(version) == ["1 call was rated by these rates since."]
    assert refusal(prices) == ["2 calls were rated by these rates since."]
    undo_upload.undo(calls)
    undo_upload.undo(version)
    undo_upload.undo(prices)


def test_a_call_that_the_rates_rated_is_theirs_only_until_it_is_uploaded_again() -> None:
    account = world()
    rates = apply("rates", table("rates", rate("2026-01-01", "0.05", "FR")))
    calls = apply("calls", table("calls", call(2, "2026-03-01", "FR", destination="+3")), account)
    assert refusal(rates) == ["1 call was rated by these rates since."]
    undo_upload.undo(calls)
    undo_upload.undo(rates)


def test_a_version_changed_by_an_upload_stays_once_calls_were_rated_by_it() -> None:
    account = world()
    header = "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute,"
    upload = apply("rates", f"{header}increment_seconds\n{rate('2026-01-01', '0.01')},60\n")
    assert undo_upload.plan(upload).is_possible
    start = instant("2026-03-09T09:00")
    version = RateSheetVersion.objects.get()
    rated: dict[str, Any] = {
        "usage_group": "DE",
        "rate_sheet_version": version,
        "rate_per_minute": "0.02",
        "currency": "USD",
    }
    make_call(
        account=account, started_at=start, **rated, seconds=55, adjusted_seconds=60, cost="0.0200"
    )  # the same in increments of 6
    assert undo_upload.plan(upload).is_possible
    make_call(account=account, started_at=start, **rated, seconds=10, adjusted_seconds=60, cost="0.0200")
    assert refusal(upload) == ["1 call was rated by these rates since."]


def test_a_subscription_that_calls_were_rated_under_since_is_not_undone() -> None:
    account = make_account(code="ACME")
    apply("rates", table("rates", rate("2026-01-01", "0.01")))
    upload = apply("subscriptions", table("subscriptions", "S-1,ACME,2026-01-01,USD,World"))
    longer = apply("subscriptions", "number,account,activation_date,currency\nS-1,ACME,2025-12-01,USD\n")
    calls = apply("calls", table("calls", call(1, "2026-03-01"), call(2, "2026-03-01", "FR")), account)
    undo_upload.undo(longer)  # no call is of December
    assert refusal(upload) == ["1 call was rated by these subscriptions since."]
    undo_upload.undo(calls)
    undo_upload.undo(upload)


def test_what_a_changed_row_referred_to_must_be_there() -> None:
    account = world()
    upload = apply("sessions", OF_ACCOUNT["sessions"], account)
    Entity.objects.filter(identifier="ana@a.example").delete()
    assert refusal(upload) == ["1 of the rows that it changed referred to entities that no longer exist."]


def test_a_rule_of_the_database_is_a_sentence() -> None:
    account = world(discount="3")
    upload = apply(
        "subscriptions",
        "number,account,activation_date,currency,telco_commit_percent\nS-1,ACME,2026-01-01,USD,0\n",
    )
    TelcoCommitDiscount.objects.create(account=account, subscription=account.subscriptions.get(), percent=4)
    with pytest.raises(
        undo_upload.UndoRefusedError, match=r"^The restored rows would conflict with what was written since\. The"
    ):
        undo_upload.undo(upload)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"applied_at": None}, "It has not been applied."),
        ({"file": ""}, "It was applied too long ago: what undoing it needs has been deleted."),
        (
            {"applied_versions": ""},
            "It was applied before changes were recorded, so it cannot be undone.",
        ),
        ({"rows_changed": 2}, "Its changes were not recorded in full, so it cannot be undone."),
    ],
)
def test_an_upload_without_records_is_not_undone(fields: dict[str, Any], sentence: str) -> None:
    upload = apply("users", OF_ACCOUNT["users"], world())
    Upload.objects.filter(pk=upload.pk).update(**fields)
    upload.refresh_from_db()
    assert refusal(upload) == [sentence]


def test_restored_calls_without_a_rate_get_one_that_has_come_meanwhile() -> None:
    account = world()
    upload = apply("calls", table("calls", call(2, "2026-03-01")), account)
    apply("rates", table("rates", rate("2026-01-01", "0.05", "FR")))
    undo_upload.undo(upload)
    assert str(Call.objects.get(sip_call_id="c2").rate_per_minute) == "0.050000"


def test_undoing_spares_what_the_upload_did_not_change() -> None:
    """A column added after the upload keeps its values: the journal does not contain it."""
    account = world()
    upload = apply("users", OF_ACCOUNT["users"], account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE usage_uploadchange SET before = before - 'division' WHERE upload_id = %s", [upload.pk])
    undo_upload.undo(upload)
    ana = Entity.objects.get(identifier="ana@a.example")
    assert (ana.name, ana.division) == ("Ana", "Sales")


# --- Whatever is uploaded -----------------------------------------------------------------------------------------

DAYS = st.sampled_from(["2026-01-05", "2026-02-05", "2026-03-05"])
GROUPS = st.sampled_from(["US", "DE", "FR"])
CALLS = st.dictionaries(st.integers(1, 6), st.tuples(DAYS, GROUPS), min_size=1).map(
    lambda calls: table("calls", *(call(number, *one) for number, one in calls.items()))
)
RATE_ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["2026-01-01", "2026-02-01", "2026-03-01"]), GROUPS),
    st.tuples(st.sampled_from(["0.01", "0.2"]), st.sampled_from(["One", "Two"])),
    min_size=1,
).map(
    lambda rates: table(
        "rates", *(rate(day, amount, group, name=f"{group} {name}") for (day, group), (amount, name) in rates.items())
    )
)
PEOPLE = st.sampled_from(["a@a.example", "b@a.example", "c@a.example"])
USERS = st.dictionaries(PEOPLE, st.sampled_from(["", "Ann", "Ben"]), min_size=1).map(
    lambda users: "email,name\n" + "".join(f"{email},{name}\n" for email, name in users.items())
)
SESSIONS = st.dictionaries(st.integers(1, 5), st.tuples(PEOPLE, st.sampled_from([MARCH, ""])), min_size=1).map(
    lambda found: table("sessions", *(f"s{n},{who},Named,{MARCH},{end}" for n, (who, end) in found.items()))
)
SUBSCRIPTIONS = st.tuples(st.sampled_from(["", "2026-02-28"]), st.sampled_from(["", "World", "New"])).map(
    lambda one: (
        "number,account,activation_date,currency,ended_on,rate_sheet,telco_commit_percent\n"
        f"S-1,ACME,2026-01-01,USD,{one[0]},{one[1]},{len(one[1]) or ''}\n"
    )
)
FILES = st.one_of(
    *(
        st.tuples(st.just(kind), files)
        for kind, files in {
            "calls": CALLS,
            "rates": RATE_ROWS,
            "users": USERS,
            "sessions": SESSIONS,
            "subscriptions": SUBSCRIPTIONS,
        }.items()
    )
)


class AnyFiles(TestCase):
    """Undoing any uploads in the opposite order restores the data as they were at the beginning."""

    @settings(max_examples=examples(12))
    @given(files=st.lists(FILES, min_size=2, max_size=5))
    def test_undo_after_apply_is_the_identity(self, files: list[tuple[str, str]]) -> None:
        account = make_account(code="ACME")
        make_charge(name="Named")
        version = make_version(
            sheet=RateSheet.objects.create(name="World", currency="USD"), effective_from=date(2026, 1, 1)
        )
        make_rate(version=version, code="US", rate="0.01")
        make_subscription(
            account=account, number="S-1", activation_date=date(2026, 1, 1), rate_sheet=version.rate_sheet
        )
        befores, uploads = [], []
        for kind, text in files:
            befores.append(everything())
            of = account if UploadKind(kind).belongs_to_account else None
            uploads.append(apply(kind, text, of, creates_users=kind == "sessions"))
        for upload, before in zip(reversed(uploads), reversed(befores), strict=True):
            undo_upload.undo(upload)
            assert everything() == before


# --- By a worker --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files_root")
def test_a_worker_undoes_what_somebody_asked_to_and_it_may_be_applied_once_more() -> None:
    account = make_account()
    administrator = make_uploader(accounts=(account,))
    upload = applied(
        receive_users("email\nana@a.example\nbob@a.example\n", account=account, administrator=administrator)
    )
    decide.undo(upload, administrator)
    upload.refresh_from_db()
    assert upload.status == UploadStatus.UNDOING
    upload = taken(upload)
    assert (upload.status, upload.is_applied, Entity.objects.count()) == (UploadStatus.UNDONE, False, 0)
    assert upload.latest_step
    assert (upload.latest_step.rows_done, upload.latest_step.phase) == (2, "undoing")
    with pytest.raises(ValidationError, match="the upload is undone"):
        decide.undo(upload, administrator)
    decide.check_again(upload, administrator)
    upload = applied(upload)
    assert (upload.status, upload.undone_at, Entity.objects.count()) == (UploadStatus.APPLIED, None, 2)
    decide.undo(upload, administrator)
    assert taken(upload).status == UploadStatus.UNDONE
    assert not Entity.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files_root")
def test_blockers_are_reported_at_once_and_by_the_worker() -> None:
    account = make_account()
    administrator = make_uploader(accounts=(account,))
    upload = applied(receive_users("email\nana@a.example\n", account=account, administrator=administrator))
    decide.undo(upload, administrator)
    make_session(entity=Entity.objects.get(), started_at=instant("2026-03-01T09:00"), ended_at=None)
    upload = taken(upload)
    assert upload.latest_step
    assert (upload.status, upload.latest_step.state) == (UploadStatus.APPLIED, State.FAILED)
    assert upload.latest_step.failure == "1 login session refers to this user."
    assert (upload.is_applied, Entity.objects.count()) == (True, 1)
    with pytest.raises(ValidationError) as refused:
        decide.undo(upload, administrator)
    assert refused.value.messages == ["1 login session refers to this user."]


def test_only_who_may_upload_there_may_undo() -> None:
    account = world()
    upload = apply("users", OF_ACCOUNT["users"], account)
    for administrator in (make_uploader(accounts=(make_account(),)), make_administrator(accounts=(account,))):
        with pytest.raises(PermissionDenied):
            decide.undo(upload, administrator)
    with pytest.raises(PermissionDenied):
        decide.undo(upload, make_uploader(accounts=(account,)))  # from the command line: it is the platform's
    step = decide.undo(upload, make_uploader(is_platform_staff=True))
    assert (step.step, step.state) == ("undo", State.QUEUED)
