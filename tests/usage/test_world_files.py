"""Small files as the world writes them, each for its whole kind: loaded right, noticed, or refused with the way out."""

import io
from collections.abc import Callable, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from billing.models import Account, Rate
from tests.factories import instant
from tests.usage_files import COLUMNS, Result, counts, table, upload
from usage.models import Call, Entity, LoginSession, ResourceUsage

pytestmark = pytest.mark.django_db

BASE = {
    "accounts": "code,name\nT1,First\nT2,Second\n",
    "charges": "name,basis\nTR Conc,concurrent\nTR Named,named\n",
    "rates": table(
        "rates",
        "DECK,USD,2026-01-01,FR,France,voice,Outbound,0.01",
        "DECK,USD,2026-01-01,DE,Germany,voice,Outbound,0.02",
    ),
    "subscriptions": table("subscriptions", "SUB-T1,T1,2026-01-01,USD,DECK"),
    "resources": "name,unit\nTR SMS,messages\n",
}
TIMES = "2026-02-10T09:00:00Z,2026-02-10T09:01:00Z"


def _shown(text: str) -> datetime:
    """Return what a workbook's cell shows, which has no zone."""
    return instant(text).replace(tzinfo=None)


@pytest.fixture
def account() -> Account:
    for kind, text in BASE.items():
        assert upload(kind=kind, text=text).is_applied
    found = Account.objects.get(code="T1")
    assert upload(kind="users", text="email,name\nana@trawl.example,Ana\n", account=found).is_applied
    return found


def call(name: str, *, origin: str = "+15550100", group: str = "FR", times: str = TIMES) -> str:
    """Return a row of a file of calls."""
    return f"{name},{origin},+15550101,{group},voice,Outbound,{times}"


def workbook(kind: str, *rows: Sequence[Any], change: Callable[[Worksheet], None] = lambda _sheet: None) -> bytes:
    """Return a workbook with the usual header of a kind."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [COLUMNS.get(kind, kind).split(","), *rows]:
        sheet.append(row)
    change(sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def call_cells(**values: Any) -> list[Any]:
    """Return the cells of a call, with other values of some columns."""
    names = COLUMNS["calls"].split(",")
    usual = dict(zip(names, call("c1").split(","), strict=True))
    return [{**usual, **values}[name] for name in names]


def notices(result: Result, start: str) -> list[str]:
    """Return the notices that start with a text."""
    return [notice.reason for notice in result.notices if notice.reason.startswith(start)]


# --- Workbooks --------------------------------------------------------------------------------------------------------


def test_merged_cells_with_data_are_refused_with_their_area(account: Account) -> None:
    kind = "session_id,entity,charge,started_at,ended_at,billable"
    rows: list[list[Any]] = [
        ["m-1", "ana@trawl.example", "TR Named", "2026-02-01T09:00:00Z", "2026-02-01T10:00:00Z", "no"],
        ["m-2", "ana@trawl.example", "TR Named", "2026-02-02T09:00:00Z", "2026-02-02T10:00:00Z", None],
    ]
    content = workbook(kind, *rows, change=lambda sheet: sheet.merge_cells("F2:F3"))
    with pytest.raises(Exception, match="F2:F3"):
        upload(kind="sessions", text=content, account=account)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    ("column", "value", "number_format"),
    [
        ("usage_group", _shown("2026-03-01T00:00"), "d-mmm"),
        ("sip_call_id", _shown("2026-03-04T00:00"), "d-mmm"),
        ("origin", time(3, 45), "h:mm"),
        ("call_type", True, "General"),
        ("sip_call_id", 1764500000.1, "0.00"),
        ("sip_call_id", 1764500000.1, "General"),
        ("sip_call_id", 1764500000, "#,##0"),
        ("sip_call_id", 1234567890123456, "0"),
    ],
)
def test_a_cell_that_is_no_text_is_refused_in_a_text_column(
    account: Account, column: str, value: Any, number_format: str
) -> None:
    place = COLUMNS["calls"].split(",").index(column) + 1

    def shown_otherwise(sheet: Worksheet) -> None:
        sheet.cell(row=2, column=place).number_format = number_format

    content = workbook("calls", call_cells(**{column: value}), change=shown_otherwise)
    result = upload(kind="calls", text=content, account=account)
    assert result.counts == counts(1, errors=1)
    assert [(line, name) for line, name, _reason in result.reasons] == [(2, column)]
    assert "text" in result.reasons[0][2]


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (2079460100, "00000000000", "02079460100"),
        (442079460100, '"+"0', "+442079460100"),
        (442079460100, "General", "442079460100"),
        (442079460100, "0", "442079460100"),
    ],
)
def test_a_whole_number_is_the_text_that_its_cell_shows(
    account: Account, value: int, number_format: str, expected: str
) -> None:
    def formatted(sheet: Worksheet) -> None:
        sheet["B2"].number_format = number_format

    content = workbook("calls", call_cells(origin=value), change=formatted)
    assert upload(kind="calls", text=content, account=account).is_applied
    assert Call.objects.get().origin == expected


def test_an_instant_shown_with_z_is_utc(account: Account) -> None:
    def in_utc(sheet: Worksheet) -> None:
        for place in ("G2", "H2"):
            sheet[place].number_format = 'yyyy-mm-dd"T"hh:mm:ss"Z"'

    cells = call_cells(start_time=_shown("2026-02-10T09:00"), end_time=_shown("2026-02-10T09:01"))
    assert upload(kind="calls", text=workbook("calls", cells, change=in_utc), account=account).is_applied
    assert Call.objects.get().started_at == instant("2026-02-10T09:00")
    refused = upload(kind="calls", text=workbook("calls", cells), account=account)
    assert refused.counts == counts(1, errors=1)


def test_a_row_hidden_by_a_filter_is_loaded_and_noticed(account: Account) -> None:
    def filtered(sheet: Worksheet) -> None:
        sheet.auto_filter.ref = "A1:H4"
        sheet.row_dimensions[3].hidden = True

    rows = [call_cells(sip_call_id=f"f-{number}") for number in (1, 2, 3)]
    result = upload(kind="calls", text=workbook("calls", *rows, change=filtered), account=account)
    assert result.counts == counts(3, new=3)
    assert len(notices(result, "1 row is hidden by a filter")) == 1


# --- CSV --------------------------------------------------------------------------------------------------------------


def test_a_number_with_a_thousands_separator_is_refused_without_bad_advice(account: Account) -> None:
    result = upload(kind="resource_usage", text='date,resource,quantity\n2026-02-01,TR SMS,"1,500"\n', account=account)
    assert result.counts == counts(1, errors=1)
    ((_line, column, reason),) = result.reasons
    assert column == "quantity"
    assert "1500" in reason
    assert "1.500" not in reason


def test_two_equal_lines_are_one_quantity(account: Account) -> None:
    text = "date,resource,quantity\n2026-02-02,TR SMS,5\n2026-02-02,TR SMS,5\n"
    result = upload(kind="resource_usage", text=text, account=account)
    assert (result.counts, len(result.notices)) == (counts(2, new=1, unchanged=1), 1)
    assert ResourceUsage.objects.get().quantity == 5


def test_an_invisible_character_at_the_end_of_an_address_makes_no_second_user(account: Account) -> None:
    text = table(
        "sessions",
        "i-1,ana@trawl.example,TR Conc,2026-02-04T09:00:00Z,2026-02-04T10:00:00Z",
        "i-2,ana@trawl.example\u200b,TR Conc,2026-02-04T09:00:00Z,2026-02-04T10:00:00Z",
    )
    assert upload(kind="sessions", text=text, account=account, creates_users=True).is_applied
    assert Entity.objects.count() == 1
    assert LoginSession.objects.filter(entity__identifier="ana@trawl.example").count() == 2


def test_an_id_used_again_in_another_month_is_noticed(account: Account) -> None:
    upload(kind="calls", text=table("calls", call("reuse-1")), account=account)
    again = call("reuse-1", origin="+15558888", group="DE", times="2026-03-20T09:00:00Z,2026-03-20T09:09:00Z")
    result = upload(kind="calls", text=table("calls", again), account=account)
    assert result.counts == counts(1, changed=1)
    assert len(notices(result, "This replaces the call of 2026-02-10 from +15550100 to +15550101 (FR)")) == 1


def test_an_equals_sign_before_quotes_belongs_to_no_text(account: Account) -> None:
    text = table("calls", f'="0012345",="0207946","2",="FR",voice,Outbound,{TIMES}')
    assert upload(kind="calls", text=text, account=account).is_applied
    found = Call.objects.get()
    assert (found.sip_call_id, found.origin, found.usage_group) == ("0012345", "0207946", "FR")
    assert found.rate_per_minute == Decimal("0.01")


def test_zeros_at_the_end_are_no_decimals() -> None:
    text = table("rates", "DECK14,USD,2026-01-01,FR,France,voice,Outbound,0.01190000")
    assert upload(kind="rates", text=text).is_applied
    assert Rate.objects.get().rate_per_minute == Decimal("0.0119")


@pytest.mark.parametrize(
    "text",
    [
        table("calls", call("b-1"), ",,,,,,,", ",,,,,,,"),
        f"{COLUMNS['calls']},\n{call('b-1')},\n",
        table("calls", call("b-1"), "\x1a"),
        "\ufeff\ufeff" + table("calls", call("b-1")),
        table("calls", call("b-1"), "  ", "\t"),
    ],
    ids=["rows of commas", "trailing delimiter", "Ctrl-Z", "double BOM", "white space"],
)
def test_what_tools_add_to_a_file_is_no_row(account: Account, text: str) -> None:
    result = upload(kind="calls", text=text, account=account)
    assert (result.counts, result.reasons) == (counts(1, new=1), [])


def test_an_instant_with_a_space_and_an_offset_is_accepted(account: Account) -> None:
    text = table("calls", call("i19", times="2026-02-10 09:00:00+00:00,2026-02-10T09:01:00Z"))
    assert upload(kind="calls", text=text, account=account).is_applied
    assert Call.objects.get().started_at == instant("2026-02-10T09:00")


def test_a_withheld_caller_is_empty(account: Account) -> None:
    assert upload(kind="calls", text=table("calls", call("an-1", origin="")), account=account).is_applied
    assert Call.objects.get().origin == ""


def test_a_first_row_that_looks_like_data_is_said_in_one_sentence(account: Account) -> None:
    text = '"9001","9001","+15550101","public","2026-02-10 09:00:00","","2026-02-10 09:01:00","60"\n'
    with pytest.raises(Exception, match="looks like data") as refused:
        upload(kind="calls", text=text, account=account)
    assert len(getattr(refused.value, "errors", ())) == 1


# --- Prices -----------------------------------------------------------------------------------------------------------


def test_a_price_notice_for_one_country_is_noticed_for_the_others(account: Account) -> None:
    upload(kind="calls", text=table("calls", call("p1"), call("p2", group="DE")), account=account)
    result = upload(kind="rates", text=table("rates", "DECK,USD,2026-02-01,DE,Germany,voice,Outbound,0.03"))
    assert result.is_applied
    assert len(notices(result, "1 usage group (FR) has no price from 2026-02-01 on")) == 1
    later = table("calls", call("p3"), call("p4", group="DE"))
    assert upload(kind="calls", text=later, account=account).is_applied
    rates = dict(Call.objects.values_list("sip_call_id", "rate_per_minute"))
    assert rates == {"p1": Decimal("0.01"), "p2": Decimal("0.02"), "p3": None, "p4": Decimal("0.03")}
    correction = upload(kind="rates", text=table("rates", "DECK,USD,2026-01-01,FR,France,voice,Outbound,0.09"))
    assert len(notices(correction, "1 call was rated with 0.01 under this version and keeps its cost")) == 1
    assert Call.objects.get(sip_call_id="p1").rate_per_minute == Decimal("0.01")
