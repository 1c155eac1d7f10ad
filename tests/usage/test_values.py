"""The values that cells may hold: nothing that a database might guess, and a sentence for each invalid one."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Account, Rate, Subscription, TelcoCommitDiscount
from tests.factories import instant, make_account, make_charge, make_entity
from tests.profiles import examples
from tests.usage_files import COLUMNS, counts, table, upload
from usage.models import Call, Entity, LoginSession, Resource, ResourceUsage

pytestmark = pytest.mark.django_db

RATES = COLUMNS["rates"]


def call(**cells: str) -> str:
    """Return a file of one call."""
    row = {
        "sip_call_id": "c1",
        "origin": "1",
        "destination": "2",
        "usage_group": "US",
        "call_type": "voice",
        "direction": "Inbound",
        "start_time": "2026-03-01T09:00:00Z",
        "end_time": "2026-03-01T10:00:00Z",
        **cells,
    }
    return f"{','.join(row)}\n{','.join(row.values())}\n"


def reason_for(*, kind: str, column: str, text: str) -> str:
    """Return the reason of the one error of a file, in this column; nothing was applied."""
    account = make_account() if kind in {"calls", "resource_usage", "sessions", "users", "devices"} else None
    result = upload(kind=kind, text=text, account=account)
    assert not result.is_applied
    assert [(line, name) for line, name, _reason in result.reasons] == [(2, column)]
    return result.errors[0].reason


@pytest.mark.parametrize(
    "value",
    [
        "now", "today", "infinity", "-infinity", "epoch", "2026-03-01", "2026-03-01  09:00:00Z", "01/03/2026T09:00:00Z",
        "2026-03-01T09:00Z", "2026-03-01T09:00:00z", "2026-03-01t09:00:00Z", "2026-03-01T09:00:00.Z",
        "2026-3-01T09:00:00Z",
        "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z", "2026-03-01T09:00:60Z", "2026-03-01T09:00:00+02",
        "2026-03-01T09:00:00  UTC", "2026-03-01T09:00:00+16:00", "2026-03-01T09:00:00+02:60", "12026-03-01T09:00:00Z",
        "Jan 8 1999", "1772000000", "2026-03-01T24:00:00.000Z", "2026-03-01T09:00:60.000Z", "\uff12026-03-01T09:00:00Z",
    ],
)  # fmt: skip
def test_an_instant_is_written_in_one_way(value: str) -> None:
    assert reason_for(kind="calls", column="start_time", text=call(start_time=value)).startswith(
        "Not a valid date and time"
    )


@pytest.mark.parametrize("value", ["2026-03-01T09:00:00", "2026-03-01T09:00:00.250", "2026-03-01 09:00:00"])
def test_a_time_without_a_zone_is_said_to_lack_one(value: str) -> None:
    assert "no zone" in reason_for(kind="calls", column="start_time", text=call(start_time=value))


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("sip_call_id", "2.38E+18", "took this identifier for a number"),
        ("sip_call_id", '"2,38E+18"', "took this identifier for a number"),
        ("sip_call_id", "2.380000000000123e+18", "took this identifier for a number"),
        ("origin", "4.4E+11", "took this identifier for a number"),
        ("usage_group", "1E+02", "took this identifier for a number"),
        ("destination", "#N/A", "The cell holds the error of a formula"),
        ("call_type", "#REF!", "The cell holds the error of a formula"),
    ],
)
def test_what_a_spreadsheet_has_ruined_is_said_to_be(column: str, value: str, part: str) -> None:
    assert part in reason_for(kind="calls", column=column, text=call(**{column: value}))


@pytest.mark.parametrize("value", ["2.38E18", "E+1", "2.38E+18@pbx", "+442079460000", "#1", "# REF!", "1E+"])
def test_an_identifier_may_look_like_much_else(value: str) -> None:
    assert upload(kind="calls", text=call(sip_call_id=value), account=make_account()).reasons == []
    assert Call.objects.get().sip_call_id == value


@pytest.mark.parametrize("value", ["2026-02-29T09:00:00Z", "2026-13-01T09:00:00Z", "0000-01-01T00:00:00Z"])
def test_an_instant_is_on_a_day_that_exists(value: str) -> None:
    assert reason_for(kind="calls", column="start_time", text=call(start_time=value)) == "There is no such date."


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00.1Z", datetime(2026, 3, 1, 9, 0, 0, 100_000, tzinfo=UTC)),
        ("2026-03-01T09:00:00.123Z", datetime(2026, 3, 1, 9, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T09:00:00.123999Z", datetime(2026, 3, 1, 9, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T09:00:00.1239999999Z", datetime(2026, 3, 1, 9, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T01:30:00.123999-08:30", datetime(2026, 3, 1, 10, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T01:00:00+02:00", datetime(2026, 2, 28, 23, tzinfo=UTC)),
        ("  2026-03-01T09:00:00Z ", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ],
)
def test_an_instant_is_kept_in_utc_and_cut_to_the_millisecond(value: str, kept: datetime) -> None:
    upload(kind="calls", text=call(start_time=value, end_time="2026-03-01T11:00:00Z"), account=make_account())
    assert Call.objects.get().started_at == kept


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("01/02/2026", "Not a valid date"),
        ("today", "Not a valid date"),
        ("2026-3-1", "Not a valid date"),
        ("20260301", "Not a valid date"),
        ("2026-03-01T00:00:00Z", "Not a valid date"),
        ("2026-02-30", "There is no such date."),
        ("2026-06-16", "The date is in the future."),
    ],
)
def test_a_day_is_written_in_one_way(value: str, reason: str) -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n")
    text = f"date,resource,quantity\n{value},SMS,1\n"
    assert reason_for(kind="resource_usage", column="date", text=text).startswith(reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "This is not a decimal number"),
        ("Infinity", "This is not a decimal number"),
        ("1_000", "This is not a decimal number"),
        ("0x1F", "This is not a decimal number"),
        ("1e3", "This is not a decimal number"),
        ("2.38E+18", "This is not a decimal number"),
        (".", "This is not a decimal number"),
        ("1.5.0", "This is not a decimal number"),
        ("5.", "This is not a decimal number"),
        ("+5", "This is not a decimal number"),
        ("12 3", "This is not a decimal number"),
        ('"1,5"', "The number has a decimal comma"),
        ("#REF!", "The cell holds the error of a formula"),
        ("-1", "The number is negative."),
        ("-0.000001", "The number is negative."),
        ("0.0000001", "The number has more than 6 decimals."),
        ("1.00000010", "The number has more than 6 decimals."),
        (f"0.{'0' * 1000}", "This is not a decimal number"),
        ("100000000000000", "The number has more than 14 digits."),
    ],
)
def test_a_quantity_is_a_plain_decimal_number(value: str, reason: str) -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n")
    text = f"date,resource,quantity\n2026-03-01,SMS,{value}\n"
    assert reason_for(kind="resource_usage", column="quantity", text=text).startswith(reason)


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-0",
        "-0.00",
        "-.0",
        ".5",
        ".0119",
        "1.0000000",
        "12",
        "0.5",
        "000012.500000",
        "99999999999999.999999",
        " 7 ",
    ],
)
def test_a_quantity_is_kept_exactly(value: str) -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n")
    text = f"date,resource,quantity\n2026-03-01,SMS,{value}\n"
    assert upload(kind="resource_usage", text=text, account=make_account()).reasons == []
    assert ResourceUsage.objects.get().quantity == Decimal(value)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("rate_per_minute", "0.1234567", "The number has more than 6 decimals."),
        ("rate_per_minute", "-0.1", "The number is negative."),
        ("rate_per_minute", "10000000000", "The number has more than 10 digits."),
        ("rate_per_minute", "", "The cell is empty; it needs a value."),
        ("currency", "usd", "A currency is a code of three capital letters, such as USD."),
        ("currency", "US", "A currency is a code of three capital letters, such as USD."),
        ("direction", "inbound", "This is neither Inbound nor Outbound. Did you mean Inbound?"),
        ("increment_seconds", "0", "This is not a whole number from 1 to 2147483647."),
        ("increment_seconds", "6.5", "This is not a whole number from 1 to 2147483647."),
        ("increment_seconds", "2147483648", "This is not a whole number from 1 to 2147483647."),
        ("minimum_seconds", "-1", "This is not a whole number from 0 to 2147483647."),
        ("effective_through", "2025-12-31", "The version ends before it starts."),
    ],
)
def test_a_rate_with_a_wrong_value_is_refused(column: str, value: str, reason: str) -> None:
    row = {
        "rate_sheet": "World",
        "currency": "USD",
        "effective_from": "2026-01-01",
        "effective_through": "",
        "increment_seconds": "6",
        "minimum_seconds": "0",
        "usage_group": "US",
        "usage_group_display": "United States",
        "call_type": "voice",
        "direction": "Inbound",
        "rate_per_minute": "0.1",
        column: value,
    }
    text = f"{','.join(row)}\n{','.join(row.values())}\n"
    assert reason_for(kind="rates", column=column, text=text) == reason
    assert not Rate.objects.exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("12.34567", "The number has more than 4 decimals."),
        ("12.34567%", "The number has more than 4 decimals."),
        ("100.0001", "The number is greater than 100."),
        ("101 %", "The number is greater than 100."),
        ("-1", "The number is negative."),
        ("-1%", "The number is negative."),
        ("'-1%", "The number is negative."),
        ('"12,5 %"', "The number has a decimal comma: write 12.5."),
        ("abc", "This is not a decimal number such as 12 or 0.5."),
        ("%", "This is not a decimal number such as 12 or 0.5."),
        ("5%%", "This is not a decimal number such as 12 or 0.5."),
    ],
)
def test_a_discount_is_a_percentage_of_four_decimals(value: str, reason: str) -> None:
    make_account(code="ACME")
    text = f"number,account,activation_date,currency,telco_commit_percent\nS-1,ACME,2020-01-01,USD,{value}\n"
    assert reason_for(kind="subscriptions", column="telco_commit_percent", text=text) == reason
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("value", ["12.5", "12.5%", "12.5 %", "012.50\u00a0%"])
def test_a_percentage_may_have_its_sign(value: str) -> None:
    make_account(code="ACME")
    text = f"number,account,activation_date,currency,telco_commit_percent\nS-1,ACME,2020-01-01,USD,{value}\n"
    assert upload(kind="subscriptions", text=text).is_applied
    assert TelcoCommitDiscount.objects.get().percent == Decimal("12.5")


@pytest.mark.parametrize(
    ("kind", "column", "header", "row"),
    [
        ("resource_usage", "quantity", "date,resource,quantity", "2026-03-01,SMS,50%"),
        ("rates", "minimum_seconds", f"{RATES},minimum_seconds", "World,USD,2026-01-01,US,US,voice,Inbound,0.1,50 %"),
        ("rates", "rate_per_minute", RATES, "World,USD,2026-01-01,US,US,voice,Inbound,1.19%"),
    ],
)
def test_a_percentage_is_refused_where_a_number_is_wanted(kind: str, column: str, header: str, row: str) -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n")
    assert reason_for(kind=kind, column=column, text=f"{header}\n{row}\n") == (
        "The column does not accept percentages: write the number itself, in a cell formatted as a number."
    )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("yes", True),
        ("false", False),
        ("0", False),
        ("no", False),
        ("", True),
    ],
)
def test_a_boolean_is_one_of_three_pairs_and_true_where_it_says_nothing(value: str, kept: bool) -> None:
    account = make_account()
    make_entity(account=account, identifier="ana@acme.example")
    make_charge(name="CX 1")
    row = f"s1,ana@acme.example,CX 1,2026-03-01T09:00:00Z,,{value}"
    text = f"session_id,entity,charge,started_at,ended_at,billable\n{row}\n"
    assert upload(kind="sessions", text=text, account=account).reasons == []
    assert LoginSession.objects.get().billable is kept


@pytest.mark.parametrize("value", ["tr", "t", "on", "y", "2", "True!"])
def test_a_boolean_is_not_guessed(value: str) -> None:
    account = make_account()
    make_entity(account=account, identifier="ana@acme.example")
    make_charge(name="CX 1")
    row = f"s1,ana@acme.example,CX 1,2026-03-01T09:00:00Z,,{value}"
    text = f"session_id,entity,charge,started_at,ended_at,billable\n{row}\n"
    assert [column for _line, column, _reason in upload(kind="sessions", text=text, account=account).reasons] == [
        "billable"
    ]


@pytest.mark.parametrize("basis", ["Named", "users", ""])
def test_a_charge_has_one_of_four_bases(basis: str) -> None:
    reason_for(kind="charges", column="basis", text=f"name,basis\nCX 1,{basis}\n")


@pytest.mark.parametrize("email", ["ana", "@acme.example", "ana@", "a na@acme.example", "a@b@c"])
def test_a_user_is_known_by_an_address(email: str) -> None:
    reason = reason_for(kind="users", column="email", text=f"email\n{email}\n")
    assert reason.startswith("This is not an e-mail address")
    assert reason.endswith("Write one address alone, such as ana@example.com.")


def test_text_is_trimmed_and_has_at_most_255_characters() -> None:
    text = f"code,name\nACME,\u00a0 Acme \nBETA,{'é' * 255}\nGAMMA,{'é' * 256}\n"
    result = upload(kind="accounts", text=text, skip_errors=True)
    assert result.reasons == [(4, "name", "The text has more than 255 characters.")]
    assert list(Account.objects.order_by("code").values_list("code", "name")) == [("ACME", "Acme"), ("BETA", "é" * 255)]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("'=1+1", "=1+1"),
        ("'@SUM(A1)", "@SUM(A1)"),
        ("'+49 30 1234", "+49 30 1234"),
        ("'-", "-"),
        ("'\tx", "x"),
        ('"\'\rx"', "x"),
        ("'+4930", "'+4930"),
        ("'-12.5", "'-12.5"),
        ("'tis", "'tis"),
        ("''=1", "'=1"),
        ("'\uff1d1", "\uff1d1"),
        ("'\u200b=1", "\u200b=1"),
        ("=1+1", "=1+1"),
        ("+14155550100", "+14155550100"),
        ("'", "'"),
    ],
)
def test_exactly_the_apostrophe_that_our_writers_put_on_is_taken_off(cell: str, kept: str) -> None:
    upload(kind="accounts", text=f"code,name\nACME,{cell}\n")
    assert Account.objects.get().name == kept


def test_the_values_of_an_errors_file_are_not_run_by_a_spreadsheet() -> None:
    result = upload(kind="charges", text="name,basis\nCX 1,=1+1\n")
    assert result.errors_csv.splitlines()[:2] == [
        "line,column,value,reason",
        "2,basis,'=1+1,This is neither named nor concurrent nor hourly nor device.",
    ]


@pytest.mark.parametrize(("after", "is_good"), [("12:05:00.000", True), ("12:05:00.001", False)])
@pytest.mark.parametrize("column", ["start_time", "end_time"])
def test_an_instant_may_be_five_minutes_ahead_of_the_clock(column: str, after: str, is_good: bool) -> None:
    cells = {"start_time": "2026-06-15T12:00:00Z", "end_time": "2026-06-15T12:05:00Z", column: f"2026-06-15T{after}Z"}
    result = upload(kind="calls", text=call(**cells), account=make_account())
    future = [(2, column, "The date and time are in the future.")]
    assert (future[0] in result.reasons) is not is_good


@pytest.mark.parametrize("column", ["started_at", "ended_at"])
def test_a_session_neither_starts_nor_ends_in_the_future(column: str) -> None:
    account = make_account()
    make_entity(account=account, identifier="ana@acme.example")
    make_charge(name="CX 1")
    cells = {"started_at": "2026-03-01T09:00:00Z", "ended_at": "", column: "2026-06-15T12:05:01Z"}
    text = table("sessions", f"s1,ana@acme.example,CX 1,{cells['started_at']},{cells['ended_at']}")
    assert upload(kind="sessions", text=text, account=account).reasons == [
        (2, column, "The date and time are in the future.")
    ]


@pytest.mark.parametrize(("end", "is_good"), [("09:00:00.000", True), ("08:59:59.999", False)])
def test_nothing_ends_before_it_starts(end: str, is_good: bool) -> None:
    account = make_account()
    make_entity(account=account, identifier="ana@acme.example")
    make_charge(name="CX 1")
    session = table("sessions", f"s1,ana@acme.example,CX 1,2026-03-01T09:00:00Z,2026-03-01T{end}Z")
    assert upload(kind="sessions", text=session, account=account).is_applied is is_good
    assert upload(kind="calls", text=call(end_time=f"2026-03-01T{end}Z"), account=account).is_applied is is_good


@pytest.mark.parametrize("column", [name for name in call().split("\n", maxsplit=1)[0].split(",") if name != "origin"])
def test_no_other_cell_of_a_call_than_its_origin_may_be_empty(column: str) -> None:
    reason = reason_for(kind="calls", column=column, text=call(**{column: " "}))
    assert reason == "The cell is empty; it needs a value."


def test_all_errors_of_a_row_are_named() -> None:
    text = call(direction="in", start_time="now", destination="")
    assert [column for _line, column, _reason in upload(kind="calls", text=text, account=make_account()).reasons] == [
        "destination",
        "direction",
        "start_time",
    ]


def test_an_absent_column_leaves_what_is_there_and_an_empty_cell_clears_it() -> None:
    account = make_account()
    upload(kind="users", text="email,name,division\nana@acme.example,Ana,Sales\n", account=account)
    assert upload(kind="users", text="email,name\nana@acme.example,Ana\n", account=account).counts == counts(
        1, unchanged=1
    )
    assert upload(kind="users", text="email,name\nana@acme.example,\n", account=account).counts == counts(1, changed=1)
    assert Entity.objects.values_list("name", "division").get() == ("", "Sales")


class Instants(TestCase):
    """Every instant, in every zone, is stored as the same instant cut to its millisecond."""

    @settings(max_examples=examples(12))
    @given(
        moment=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2026, 6, 1)),  # noqa: DTZ001 - UTC below
        minutes=st.integers(-15 * 60 - 59, 15 * 60 + 59),
        digits=st.integers(0, 9),
    )
    def test_they_round_trip(self, moment: datetime, minutes: int, digits: int) -> None:
        sign, offset = "-" if minutes < 0 else "+", abs(minutes)
        fraction = f".{moment.microsecond:06d}999"[: digits + 1] if digits else ""
        text = f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{sign}{offset // 60:02d}:{offset % 60:02d}"
        account = make_account()
        result = upload(kind="calls", text=call(start_time=text, end_time="2026-06-15T12:00:00Z"), account=account)
        assert result.reasons == []
        written = datetime.fromisoformat(text[:19] + fraction[:4].ljust(4, "0")[: 4 if digits else 0] + text[-6:])
        assert Call.objects.get(account=account).started_at == written


def test_the_zone_of_the_session_and_its_order_of_days_change_nothing() -> None:

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'America/New_York'; SET LOCAL DateStyle = 'SQL, DMY'")
    upload(kind="calls", text=call(start_time="2026-03-01T09:00:00+05:00"), account=make_account())
    upload(kind="resources", text="name,unit\nSMS,message\n")
    account = make_account()
    late = instant("2026-06-15T23:59")
    text = "date,resource,quantity\n2026-06-15,SMS,1\n2026-02-03,SMS,1\n"
    assert upload(kind="resource_usage", text=text, account=account, now=late).reasons == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'")
    assert Call.objects.get().started_at == instant("2026-03-01T04:00")
    assert [str(day) for day in ResourceUsage.objects.order_by("used_on").values_list("used_on", flat=True)] == [
        "2026-02-03",
        "2026-06-15",
    ]
    assert Resource.objects.count() == 1
