"""What is valid and unusual in a file is applied, and noticed before: in rows, in the file, and in what it would do."""

from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Account, RateSheet
from tests.factories import (
    instant,
    make_account,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_subscription,
    make_version,
)
from tests.usage_files import COLUMNS, Result, counts, table, upload
from usage.models import Call, Resource, ResourceUsage

pytestmark = pytest.mark.django_db


def call(
    name: str = "c1",
    *,
    start: str = "2026-02-02T09:00:00Z",
    end: str = "2026-02-02T09:01:00Z",
    to: str = "+33123456789",
    group: str = "FR",
) -> str:
    """Return a row of a file of calls."""
    return f"{name},+14155550100,{to},{group},voice,Outbound,{start},{end}"


def rate(group: str, start: str = "2026-01-01", *, price: str = "0.01", kind: str = "voice") -> str:
    """Return a row of a file of rates."""
    return f"DECK,USD,{start},{group},{group},{kind},Outbound,{price}"


@pytest.fixture
def account() -> Account:
    return make_account(code="HOME")


# --- Rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "noticed"), [("2026-02-03T09:00:00Z", []), ("2026-02-03T09:00:00.001Z", [2])], ids=["24 h", "longer"]
)
def test_a_call_longer_than_a_day_is_noticed_and_loaded(account: Account, end: str, noticed: list[int]) -> None:
    result = upload(kind="calls", text=table("calls", call(end=end)), account=account)
    assert result.counts == counts(1, new=1)
    assert [notice.line for notice in result.notices] == noticed
    assert all("longer than 24 hours" in notice.reason and notice.column == "end_time" for notice in result.notices)


def test_a_session_that_is_long_or_open_for_long_is_noticed(account: Account) -> None:
    make_entity(account=account, identifier="ana@home.example")
    make_charge(name="CX 1")
    rows = [
        "s1,ana@home.example,CX 1,2026-06-14T09:00:00Z,2026-06-15T09:00:00.001Z",
        "s2,ana@home.example,CX 1,2026-06-14T09:00:00Z,2026-06-15T09:00:00Z",
        "s3,ana@home.example,CX 1,2026-06-08T12:00:00Z,",
        "s4,ana@home.example,CX 1,2026-06-08T11:59:59.999Z,",
    ]
    result = upload(kind="sessions", text=table("sessions", *rows), account=account)
    assert result.counts == counts(4, new=4)
    of_rows = [notice for notice in result.notices if notice.line]
    assert [(notice.line, notice.column) for notice in of_rows] == [(2, "ended_at"), (5, "ended_at")]
    assert "longer than 24 hours" in of_rows[0].reason
    assert "open for more than 7 days" in of_rows[1].reason


@pytest.mark.parametrize("word", ["NULL", "null", "\\N", "NaN", "nan", "-", "N/A"])
def test_a_word_for_a_missing_value_is_text_and_noticed(word: str) -> None:
    result = upload(kind="accounts", text=f"code,name\nA-1,{word}\nA-2,Null Island\n")
    assert result.counts == counts(2, new=2)
    assert [(notice.line, notice.column, notice.value) for notice in result.notices] == [(2, "name", word)]
    assert Account.objects.get(code="A-1").name == word


@pytest.mark.parametrize(
    ("changed", "is_noticed"),
    [
        ({"start": "2026-02-03T09:00:00Z", "end": "2026-02-03T09:01:00Z"}, True),
        ({"to": "+33987654321"}, True),
        ({"group": "DE"}, True),
        ({"start": "2026-02-02T10:00:00Z", "end": "2026-02-02T10:05:00Z"}, False),
    ],
    ids=["day", "number", "group", "time"],
)
def test_a_known_call_id_with_another_day_number_or_group_is_noticed(
    account: Account, changed: dict[str, str], is_noticed: bool
) -> None:
    upload(kind="calls", text=table("calls", call()), account=account)
    result = upload(kind="calls", text=table("calls", call(**changed)), account=account)
    assert result.counts == counts(1, changed=1)
    of_rows = [notice.reason for notice in result.notices if notice.line]
    assert bool(of_rows) is is_noticed
    expected = "This replaces the call of 2026-02-02 from +14155550100 to +33123456789 (FR), which has the same ID."
    assert all(reason.startswith(expected) for reason in of_rows)


def test_a_known_session_id_with_another_day_or_user_is_noticed(account: Account) -> None:
    ana, bo = (make_entity(account=account, identifier=f"{name}@home.example") for name in ("ana", "bo"))
    make_charge(name="CX 1")
    first = (f"{name},ana@home.example,CX 1,2026-06-10T09:00:00Z,2026-06-10T10:00:00Z" for name in ("s1", "s2", "s3"))
    upload(kind="sessions", text=table("sessions", *first), account=account)
    rows = [
        f"s1,{bo.identifier},CX 1,2026-06-10T09:00:00Z,2026-06-10T10:00:00Z",
        f"s2,{ana.identifier},CX 1,2026-06-11T09:00:00Z,2026-06-11T10:00:00Z",
        f"s3,{ana.identifier},CX 1,2026-06-10T09:30:00Z,2026-06-10T10:00:00Z",
    ]
    result = upload(kind="sessions", text=table("sessions", *rows), account=account)
    assert [(notice.line, notice.column) for notice in result.notices] == [(2, "session_id"), (3, "session_id")]


def test_an_equal_line_is_left_out_and_noticed(account: Account) -> None:
    Resource.objects.create(name="SMS", unit="message")
    result = upload(
        kind="resource_usage", text="date,resource,quantity\n2026-02-02,SMS,5\n2026-02-02,SMS,5\n", account=account
    )
    assert result.counts == counts(2, new=1, unchanged=1)
    assert result.noticed == [
        (
            3,
            (
                "The row equals row 2, and is left out: both count once. If they are two, they need different values "
                "of date or resource."
            ),
        )
    ]
    assert ResourceUsage.objects.get().quantity == 5


def test_rows_in_error_and_rows_that_change_nothing_give_no_notice(account: Account) -> None:
    long = {"end": "2026-02-04T09:00:00Z"}
    first = table("calls", call("c1", **long), call("c1", **long), call("c2", group="", **long))
    result = upload(kind="calls", text=first, account=account, skip_errors=True)
    assert [notice.line for notice in result.notices] == [2, 3]
    again = upload(kind="calls", text=table("calls", call("c1", **long), call("c1", **long)), account=account)
    assert again.counts == counts(2, unchanged=2)
    assert again.notices == []


def test_a_file_with_notices_is_applied_unless_they_are_not_allowed(account: Account) -> None:
    text = table("calls", call(end="2026-02-04T09:00:00Z"))
    refused = upload(kind="calls", text=text, account=account, allows_notices=False)
    assert not refused.is_applied
    assert not Call.objects.exists()
    applied = upload(kind="calls", text=text, account=account)
    assert applied.is_applied
    header, first, *_others = applied.notices_csv.splitlines()
    assert header == "line,column,value,reason"
    assert first == "2,end_time,2026-02-04T09:00:00Z,The call is longer than 24 hours. Check both times."


# --- Days -------------------------------------------------------------------------------------------------------------


def days_noticed(result: Result) -> list[str]:
    """Return the notices of days, without their advice."""
    return [notice.reason.partition(". If")[0] for notice in result.notices if notice.line == 0]


def on(*days: str) -> str:
    """Return a file of a call on each of these days of 2026."""
    return table(
        "calls", *(call(f"c-{day}", start=f"2026-{day}T09:00:00Z", end=f"2026-{day}T09:01:00Z") for day in days)
    )


def test_days_without_data_inside_a_file_are_noticed_even_in_a_first_file(account: Account) -> None:
    result = upload(kind="calls", text=on("02-01", "02-03", "02-06"), account=account)
    assert days_noticed(result) == [
        "Between the first and the last day of the file, 3 days have no calls: 2026-02-02, 2026-02-04, 2026-02-05"
    ]


def test_days_between_the_stored_data_and_the_file_are_noticed(account: Account) -> None:
    upload(kind="calls", text=on("02-01"), account=account)
    assert days_noticed(upload(kind="calls", text=on("02-02"), account=account)) == []
    assert days_noticed(upload(kind="calls", text=on("02-04", "02-06"), account=account)) == [
        "Between the first and the last day of the file, 1 day has no calls: 2026-02-05",
        "Between the last day that has calls and the first day of the file, 1 day has no calls: 2026-02-03",
    ]


def test_days_whose_data_are_stored_are_not_missing_from_a_correction(account: Account) -> None:
    upload(kind="calls", text=on("02-01", "02-02", "02-03", "02-04"), account=account)
    correction = table("calls", *(call(f"c-02-0{day}", start=f"2026-02-0{day}T08:00:00Z") for day in (1, 4)))
    correction = correction.replace("2026-02-02T09:01:00Z", "2026-02-05T09:01:00Z")
    assert days_noticed(upload(kind="calls", text=correction, account=account)) == []


def test_days_are_those_of_each_account_and_kind() -> None:
    one, two = make_account(code="ONE"), make_account(code="TWO")
    Resource.objects.create(name="SMS", unit="message")
    for account in (one, two):
        make_call(account=account, started_at=instant("2026-02-01T09:00"))
    rows = ["account,date,resource,quantity", "ONE,2026-02-01,SMS,1", "ONE,2026-02-03,SMS,1", "TWO,2026-02-02,SMS,1"]
    assert days_noticed(upload(kind="resource_usage", text="\n".join(rows))) == [
        "ONE: Between the first and the last day of the file, 1 day has no resource usage: 2026-02-02"
    ]


def test_a_day_of_another_century_does_not_list_every_day_since(account: Account) -> None:
    text = table("calls", call("old", start="1926-02-01T09:00:00Z", end="1926-02-01T09:01:00Z"), call("new"))
    (notice,) = [one.reason for one in upload(kind="calls", text=text, account=account).notices]
    assert "3,660 days have no calls: " in notice
    assert notice.count("-") == 20
    assert " …" in notice


# --- Quantities -------------------------------------------------------------------------------------------------------


def usage_of(*quantities: object, first: date = date(2026, 2, 1)) -> str:
    """Return a file of quantities of one resource, on days that follow one another."""
    rows = [f"{first + timedelta(days=number)},SMS,{quantity}" for number, quantity in enumerate(quantities)]
    return "\n".join(["date,resource,quantity", *rows, ""])


@pytest.mark.parametrize(
    ("quantities", "lines"),
    [
        ([5] * 7 + [51], [9]),
        ([5] * 7 + [50], []),
        ([5] * 6 + [51], []),
        ([0] * 7 + [51], []),
        ([100, 100, 100, 100, 1, 1, 1, 1, 505], []),
        ([100, 100, 100, 100, 1, 1, 1, 1, 506], [10]),
    ],
    ids=["above", "not above", "too few", "median 0", "ten times 50.5", "above ten times 50.5"],
)
def test_a_quantity_far_above_the_usual_is_noticed(account: Account, quantities: list[int], lines: list[int]) -> None:
    Resource.objects.create(name="SMS", unit="message")
    result = upload(kind="resource_usage", text=usage_of(*quantities), account=account)
    assert [notice.line for notice in result.notices] == lines


def test_stored_quantities_count_as_usual_and_other_resources_do_not(account: Account) -> None:
    sms, other = (Resource.objects.create(name=name, unit="message") for name in ("SMS", "API"))
    for day in range(1, 8):
        make_resource_usage(account=account, resource=sms, used_on=date(2026, 1, day), quantity="2")
        make_resource_usage(account=account, resource=other, used_on=date(2026, 1, day), quantity="100")
    text = usage_of("20.000001", first=date(2026, 1, 8))
    assert [notice.line for notice in upload(kind="resource_usage", text=text, account=account).notices] == [2]
    beyond = usage_of(50, first=date(2026, 2, 8))
    assert [one.line for one in upload(kind="resource_usage", text=beyond, account=account).notices if one.line] == []


class TestUsual(TestCase):
    @given(
        stored=st.dictionaries(st.integers(0, 50), st.integers(0, 30), max_size=30),
        given_=st.dictionaries(st.integers(0, 50), st.integers(0, 300), min_size=1, max_size=30),
    )
    def test_quantities_are_compared_with_the_median_of_the_days_before(
        self, stored: dict[int, int], given_: dict[int, int]
    ) -> None:
        account, sms = make_account(), Resource.objects.create(name="SMS", unit="message")
        first = date(2026, 1, 1)
        for day, quantity in stored.items():
            make_resource_usage(
                account=account, resource=sms, used_on=first + timedelta(days=day), quantity=str(quantity)
            )
        rows = [f"{first + timedelta(days=day)},SMS,{quantity}" for day, quantity in given_.items()]
        text = "\n".join(["date,resource,quantity", *rows, ""])
        result = upload(kind="resource_usage", text=text, account=account)
        values = stored | given_
        expected = []
        for line, (day, quantity) in enumerate(given_.items(), start=2):
            before = [values[one] for one in range(day - 30, day) if one in values]
            is_written = stored.get(day) != quantity
            if is_written and len(before) >= 7 and 0 < 10 * median(before) < quantity:
                expected.append(line)
        assert [notice.line for notice in result.notices if notice.line] == expected


# --- Prices -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def deck(account: Account) -> RateSheet:
    """Return the sheet DECK of an account's subscription, with prices of DE and FR from January on."""
    upload(kind="rates", text=table("rates", rate("DE"), rate("FR")))
    sheet = RateSheet.objects.get(name="DECK")
    make_subscription(account=account, activation_date=date(2026, 1, 1), rate_sheet=sheet)
    return sheet


def test_prices_that_end_because_a_new_version_does_not_name_them_are_noticed(
    account: Account, deck: RateSheet
) -> None:
    make_call(account=account, started_at=instant("2026-02-03T09:00"), usage_group="FR")
    make_call(account=account, started_at=instant("2026-01-31T09:00"), usage_group="FR")
    (notice,) = upload(kind="rates", text=table("rates", rate("DE", "2026-02-01", price="0.02"))).notices
    assert notice.line == 0
    assert notice.reason == (
        "1 usage group (FR) has no price from 2026-02-01 on: the file does not name it. This concerns sheet DECK, "
        "1 subscription and 1 unrated call. Name every usage group in the file if that is not meant."
    )


def test_a_new_version_that_names_every_price_gives_no_notice(deck: RateSheet) -> None:
    text = table("rates", rate("DE", "2026-02-01"), rate("FR", "2026-02-01"), rate("ES", "2026-02-01"))
    assert upload(kind="rates", text=text).notices == []


def test_a_price_of_another_call_type_that_is_not_named_ends_too(deck: RateSheet) -> None:
    upload(kind="rates", text=table("rates", rate("FR", kind="fax")))
    text = table("rates", rate("DE", "2026-02-01"), rate("FR", "2026-02-01"))
    (notice,) = upload(kind="rates", text=text).notices
    assert notice.reason.startswith("1 usage group (FR) has no price from 2026-02-01 on")


def test_prices_that_a_later_end_keeps_in_force_are_noticed() -> None:
    header = f"{COLUMNS['rates']},effective_through"
    first = "\n".join([header, f"{rate('DE')},2026-01-31", f"{rate('FR')},2026-01-31", f"{rate('ES')},2026-01-31", ""])
    upload(kind="rates", text=first)
    (notice,) = upload(kind="rates", text=f"{header}\n{rate('DE')},2026-02-28\n").notices
    assert notice.reason.startswith(
        "2 usage groups (ES, FR) keep their prices beyond 2026-01-31, through 2026-02-28: the file does not name them."
    )
    (notice,) = upload(kind="rates", text=f"{header}\n{rate('DE')},2026-01-31\n").notices
    assert notice.reason.startswith("2 usage groups (ES, FR) have no price from 2026-02-01 on")


def test_an_increment_that_changes_for_prices_that_are_not_named_is_noticed() -> None:
    upload(kind="rates", text=table("rates", rate("DE"), rate("FR")))
    (notice,) = upload(kind="rates", text=f"{COLUMNS['rates']},increment_seconds\n{rate('DE')},60\n").notices
    assert notice.reason.startswith(
        "Sheet DECK, version from 2026-01-01 changes its increment from 6 to 60, also for 1 usage group (FR) that the "
        "file does not name."
    )


def test_a_corrected_price_under_rated_calls_is_noticed() -> None:
    account = make_account()
    version = make_version(effective_from=date(2026, 1, 1))
    make_rate(version=version, code="DE", rate="0.01")
    make_subscription(account=account, activation_date=date(2026, 1, 1), rate_sheet=version.rate_sheet)
    text = table("calls", *(call(name, group="DE", start="2026-02-02T09:00:00Z") for name in ("c1", "c2")))
    upload(kind="calls", text=text, account=account)
    assert set(Call.objects.values_list("rate_per_minute", flat=True)) == {Decimal("0.01")}
    corrected = rate("DE", price="0.02").replace("DECK", version.rate_sheet.name)
    result = upload(kind="rates", text=table("rates", corrected))
    assert result.is_applied
    assert [(one.line, one.column, one.value) for one in result.notices] == [(2, "rate_per_minute", "0.02")]
    assert result.notices[0].reason == (
        "2 calls were rated with 0.01 under this version and keep their costs. The correction is for calls rated from "
        "now on."
    )
    assert set(Call.objects.values_list("rate_per_minute", flat=True)) == {Decimal("0.01")}
