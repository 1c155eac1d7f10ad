"""Calls are rated when they arrive, or when their rates do; rated calls stay as they are."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import connection
from psycopg import sql

from billing.models import Account, RateSheetVersion, TelcoCommitDiscount
from billing.rating import duration_seconds
from tests.factories import make_account, make_call, make_subscription, make_version
from tests.usage_files import COLUMNS, counts, table, upload
from usage.models import Call
from usage.rating import rate_unrated_calls

pytestmark = pytest.mark.django_db

RATES = table(
    "rates",
    "World,USD,2026-01-01,US,United States,voice,Outbound,0.0181",
    "World,USD,2026-03-02,US,The States,voice,Outbound,0.02",
    "World,USD,2026-03-02,US,The States,voice,Inbound,0",
)
SUBSCRIPTION = table("subscriptions", "S-1,ACME,2026-02-01,USD,World")
CALLS = table(
    "calls",
    "c1,1,2,US,voice,Outbound,2026-03-01T23:59:59.999Z,2026-03-02T00:00:54.999Z",
    "c2,1,2,US,voice,Outbound,2026-03-02T01:00:00+01:00,2026-03-02T01:00:00+01:00",
    "c3,1,2,US,voice,Inbound,2026-03-02T00:00:00Z,2026-03-02T00:00:00.001Z",
    "c4,1,2,UK,voice,Outbound,2026-03-02T00:00:00Z,2026-03-02T00:01:00Z",
    "c5,1,2,US,byoc,Outbound,2026-03-02T00:00:00Z,2026-03-02T00:01:00Z",
    "c6,1,2,US,voice,Outbound,2026-01-31T23:59:59Z,2026-02-01T00:00:00Z",
)
Rating = tuple[str, str | None, Decimal | None, int | None, Decimal | None, str | None]


def ratings() -> list[Rating]:
    """Return (call, version's first day, rate, adjusted seconds, cost, currency) of every call."""
    return [
        (
            call.sip_call_id,
            str(call.rate_sheet_version.effective_from) if call.rate_sheet_version else None,
            call.rate_per_minute,
            call.adjusted_seconds,
            call.cost,
            call.currency,
        )
        for call in Call.objects.select_related("rate_sheet_version").order_by("sip_call_id")
    ]


RATED: list[Rating] = [
    ("c1", "2026-01-01", Decimal("0.0181"), 60, Decimal("0.0181"), "USD"),
    ("c2", "2026-03-02", Decimal("0.02"), 0, Decimal(0), "USD"),
    ("c3", "2026-03-02", Decimal(0), 6, Decimal(0), "USD"),
    ("c4", "2026-03-02", None, None, None, None),
    ("c5", "2026-03-02", None, None, None, None),
    ("c6", None, None, None, None, None),
]


@pytest.fixture(name="acme")
def _acme() -> Account:
    return make_account(code="ACME")


@pytest.mark.parametrize("order", list(permutations(["rates", "subscriptions", "calls"])), ids="-".join)
def test_whatever_comes_first_calls_end_rated_alike(order: tuple[str, ...], acme: Account) -> None:
    texts = {"rates": RATES, "subscriptions": SUBSCRIPTION, "calls": CALLS}
    for kind in order:
        assert upload(kind=kind, text=texts[kind], account=acme if kind == "calls" else None).reasons == []
    assert ratings() == RATED
    for kind in order:
        account = acme if kind == "calls" else None
        result = upload(kind=kind, text=texts[kind], account=account).counts
        assert result.unchanged == result.rows
    assert ratings() == RATED


def test_the_database_knows_how_many_rates_there_are_once_they_are_uploaded() -> None:
    upload(kind="rates", text=RATES)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples::int FROM pg_class WHERE relname LIKE 'billing_rate%' AND relkind = 'r'"
        )
        assert dict(cursor.fetchall()) == {"billing_ratesheet": 1, "billing_ratesheetversion": 2, "billing_rate": 3}


@pytest.mark.parametrize("order", [("rates", "calls"), ("calls", "rates")], ids="-".join)
def test_the_day_of_a_call_is_that_of_utc_whatever_the_zone_of_the_database(
    order: tuple[str, ...], acme: Account
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'America/New_York'")
    texts = {"rates": RATES, "calls": CALLS}
    upload(kind="subscriptions", text=SUBSCRIPTION)
    for kind in order:
        upload(kind=kind, text=texts[kind], account=acme if kind == "calls" else None)
    assert ratings() == RATED


def test_a_call_is_rated_by_its_own_accounts_subscription(acme: Account) -> None:
    other = make_account()
    for kind, text in [("rates", RATES), ("subscriptions", SUBSCRIPTION)]:
        upload(kind=kind, text=text)
    upload(kind="calls", text=CALLS, account=other)
    assert {rating[1:] for rating in ratings()} == {(None,) * 5}
    upload(kind="calls", text=CALLS, account=acme)
    assert Call.objects.filter(account=acme).unrated().count() == 3


def test_rated_calls_are_touched_by_no_later_rate_and_by_no_file_that_says_the_same(acme: Account) -> None:
    for kind, text in [("rates", RATES), ("subscriptions", SUBSCRIPTION), ("calls", CALLS)]:
        upload(kind=kind, text=text, account=acme if kind == "calls" else None)
    upload(kind="rates", text=RATES.replace("0.0181", "9").replace("0.02\n", "9\n"))
    upload(kind="subscriptions", text=SUBSCRIPTION.replace("World", "Europe"))
    assert upload(kind="calls", text=CALLS, account=acme).counts == counts(6, unchanged=6)
    assert ratings()[:3] == RATED[:3]


def test_a_call_that_changes_is_rated_anew(acme: Account) -> None:
    for kind, text in [("rates", RATES), ("subscriptions", SUBSCRIPTION), ("calls", CALLS)]:
        upload(kind=kind, text=text, account=acme if kind == "calls" else None)
    upload(kind="rates", text=RATES.replace("0.0181", "9"))
    moved = CALLS.replace("2026-03-02T00:00:54.999Z", "2026-03-02T00:01:00Z").replace("c3,1,2,US", "c3,1,2,UK")
    assert upload(kind="calls", text=moved, account=acme).counts == counts(6, changed=2, unchanged=4)
    assert ratings()[0] == ("c1", "2026-01-01", Decimal(9), 66, Decimal("9.9000"), "USD")
    assert ratings()[2] == ("c3", "2026-03-02", None, None, None, None)
    assert ratings()[1] == RATED[1]


@pytest.mark.parametrize(
    ("increment", "minimum", "milliseconds", "adjusted"),
    [
        (6, 0, 0, 0),
        (6, 0, 1, 6),
        (6, 0, 6_000, 6),
        (6, 0, 6_001, 12),
        (6, 0, 55_000, 60),
        (6, 60, 0, 0),
        (6, 60, 1_000, 60),
        (6, 60, 59_000, 60),
        (6, 60, 60_001, 66),
        (6, 7, 8_000, 13),
        (1, 0, 999, 1),
        (60, 0, 61_000, 120),
    ],
)
def test_the_version_says_how_time_is_rounded(
    increment: int, minimum: int, milliseconds: int, adjusted: int, acme: Account
) -> None:
    header = f"{COLUMNS['rates']},increment_seconds,minimum_seconds"
    upload(kind="rates", text=f"{header}\nWorld,USD,2026-01-01,US,USA,voice,Outbound,0.0181,{increment},{minimum}\n")
    upload(kind="subscriptions", text=SUBSCRIPTION)
    end = f"2026-03-01T09:{milliseconds // 60_000:02d}:{milliseconds % 60_000 / 1000:06.3f}Z"
    upload(kind="calls", text=table("calls", f"c1,1,2,US,voice,Outbound,2026-03-01T09:00:00Z,{end}"), account=acme)
    assert Call.objects.get().adjusted_seconds == adjusted


def test_calls_are_rated_from_the_first_through_the_last_day_of_a_subscription(acme: Account) -> None:
    upload(kind="rates", text=RATES)
    upload(kind="subscriptions", text=table("subscriptions", "S-1,ACME,2026-02-01,USD,World"))
    upload(
        kind="subscriptions",
        text="number,account,activation_date,currency,ended_on\nS-1,ACME,2026-02-01,USD,2026-02-28\n",
    )
    starts = ["2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00Z", "2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00Z"]
    rows = [f"c{number},1,2,US,voice,Outbound,{start},2026-03-01T00:01:00Z" for number, start in enumerate(starts)]
    upload(kind="calls", text=table("calls", *rows), account=acme)
    rates = Call.objects.order_by("started_at").values_list("rate_per_minute", flat=True)
    assert list(rates) == [None, Decimal("0.0181"), Decimal("0.0181"), None]


def test_the_discount_of_the_day_lowers_the_rate(acme: Account) -> None:
    subscription = make_subscription(account=acme, rate_sheet=make_version().rate_sheet)
    sheet = RateSheetVersion.objects.get().rate_sheet.name
    upload(kind="rates", text=table("rates", f"{sheet},USD,2017-01-01,US,USA,voice,Outbound,0.000005"))
    TelcoCommitDiscount.objects.create(
        account=acme,
        subscription=subscription,
        percent=Decimal(10),
        effective_from=date(2026, 3, 1),
        effective_through=date(2026, 3, 1),
    )
    rows = [f"c{day},1,2,US,voice,Outbound,2026-03-0{day}T00:00:00Z,2026-03-0{day}T10:00:00Z" for day in (1, 2)]
    rows.append("c0,1,2,US,voice,Outbound,2026-02-28T23:59:59.999Z,2026-03-01T10:00:00Z")
    upload(kind="calls", text=table("calls", *rows), account=acme)
    rates = Call.objects.order_by("sip_call_id").values_list("rate_per_minute", flat=True)
    assert list(rates) == [Decimal("0.000005"), Decimal("0.000005"), Decimal("0.000005")]
    Call.objects.all().delete()
    TelcoCommitDiscount.objects.update(percent=Decimal(30))
    upload(kind="calls", text=table("calls", *rows), account=acme)
    rates = Call.objects.order_by("sip_call_id").values_list("rate_per_minute", flat=True)
    assert list(rates) == [Decimal("0.000005"), Decimal("0.000004"), Decimal("0.000005")]


def test_rates_that_arrive_rate_every_call_they_cover_and_say_how_many(acme: Account) -> None:
    upload(kind="calls", text=CALLS, account=acme)
    upload(kind="subscriptions", text=SUBSCRIPTION)
    assert rate_unrated_calls() == 0
    upload(kind="rates", text=table("rates", "World,USD,2026-03-02,DE,Germany,voice,Outbound,1"))
    assert {rating[1] for rating in ratings()[1:5]} == {"2026-03-02"}
    assert ratings()[0][1] is None
    upload(kind="rates", text=RATES)
    assert ratings() == RATED
    assert rate_unrated_calls() == 0


@pytest.mark.parametrize("milliseconds", [0, 1, 999, 1000, 1001, 86_400_000, 86_400_001, 10**12 + 1])
def test_the_duration_that_is_kept_is_the_one_that_is_rated(milliseconds: int, acme: Account) -> None:
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    call = make_call(account=acme, started_at=start, ended_at=start + timedelta(milliseconds=milliseconds))
    rated = duration_seconds(sql.SQL("started_at"), sql.SQL("ended_at"))

    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT duration_seconds, {} FROM usage_call").format(rated))
        assert cursor.fetchone() == (-(-milliseconds // 1000),) * 2
    assert call.duration_seconds == -(-milliseconds // 1000)
