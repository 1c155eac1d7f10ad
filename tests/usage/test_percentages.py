"""Percentages in workbooks: a cell is read as the spreadsheet shows it, or refused."""

import io
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import TelcoCommitDiscount
from tests.factories import make_account
from tests.profiles import examples
from tests.usage_files import upload
from tests.workbooks import MAIN, Xml, packed, parts, sheet
from usage.files.raw_files import opened
from usage.files.workbook_cells import NOT_TEXT, percentage
from usage.files.workbook_styles import Shown, shown_by
from usage.models import Resource

pytestmark = pytest.mark.django_db

HEADER = ["number", "account", "activation_date", "currency", "telco_commit_percent"]


def styled(value: str, style: int) -> Xml:
    """Return a cell of a style, its value written by hand."""
    return Xml(f'<c r="{{}}" s="{style}"><v>{value}</v></c>')


def workbook(*rows: Any, codes: tuple[str, ...] = ("0%",), default: int = 0) -> bytes:
    """Return a workbook with styles of these formats from style 1 on; style 0 has the built-in format `default`."""
    named = parts(Data=sheet(*rows))
    declared = "".join(f'<numFmt numFmtId="{164 + n}" formatCode="{code}"/>' for n, code in enumerate(codes))
    used = "".join(f'<xf numFmtId="{164 + n}" applyNumberFormat="1"/>' for n in range(len(codes)))
    # Conditional formats and inheritable styles do not determine what a cell shows.
    named["xl/styles.xml"] = (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{declared}</numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        f'<cellXfs><xf numFmtId="{default}"/>{used}</cellXfs>'
        '<dxfs><dxf><numFmt numFmtId="164" formatCode="0"/></dxf></dxfs></styleSheet>'
    )
    return packed(named)


def cells(content: bytes | io.BytesIO) -> list[Any]:
    """Return the cells of a workbook below its header."""
    with opened(content if isinstance(content, io.BytesIO) else io.BytesIO(content)) as file:
        rows = [row for _line, row in file.records() if isinstance(row, list)]
    return [[cell.removesuffix(NOT_TEXT) for cell in row] for row in rows[1:]]


@pytest.mark.parametrize("form", ["0%", "0.00%", "0.0%", "0.0%;[Red]-0.0%", "#,##0.0# %"])
def test_a_discount_that_is_shown_as_a_percentage_is_what_is_shown(form: str) -> None:
    make_account(code="ACME")
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, HEADER)
        page.write_row(1, 0, ["S-1", "ACME", "2020-01-01", "USD"])
        page.write_number(1, 4, 0.125, book.add_format({"num_format": form}))
    assert upload(kind="subscriptions", text=file).is_applied
    assert TelcoCommitDiscount.objects.get().percent == Decimal("12.5")


def test_a_discount_that_is_shown_as_a_number_is_that_number() -> None:
    make_account(code="ACME")
    row = ["S-1", "ACME", "2020-01-01", "USD", styled("0.125", 1)]
    assert upload(kind="subscriptions", text=workbook(HEADER, row, codes=("0.000",))).is_applied
    assert TelcoCommitDiscount.objects.get().percent == Decimal("0.125")


def test_a_percentage_of_a_quantity_is_refused_with_a_way_out() -> None:
    Resource.objects.create(name="SMS", unit="message")
    rows = [["2026-03-01", "SMS", 1], ["2026-03-02", "SMS", styled("0.5", 1)]]
    result = upload(
        kind="resource_usage", text=workbook(["date", "resource", "quantity"], *rows), account=make_account()
    )
    [error] = result.errors
    assert (error.line, error.column, error.value) == (3, "quantity", "50%")
    assert error.reason == (
        "The column does not accept percentages: write the number itself, in a cell formatted as a number."
    )
    assert not result.is_applied


def test_only_numbers_of_cells_that_are_shown_so_become_percentages() -> None:
    rows = [
        [None, styled("7.0000000000000007E-2", 1), styled("0.07", 2), 0.07],
        [styled("1", 1), Xml('<c r="{}" s="1" t="str"><f>A1</f><v>0.5</v></c>'), Xml('<c r="{}" s="1"/>'), "0.5"],
        [styled("-1.5E-3", 1), Xml('<c r="{}" s="1" t="n"><f>1/3</f><v>0.33333333333333331</v></c>'), None, None],
        [Xml('<c r="{}" s="1" t="b"><v>1</v></c>'), Xml('<c r="{}" s="1" t="e"><v>#REF!</v></c>'), None, None],
        [styled("1e13", 1), styled("0", 1), styled("-0", 1), styled("1234567.1", 1)],
    ]
    assert cells(workbook(["a", "b", "c", "d"], *rows, codes=("0%", "0.0"))) == [
        ["", "7%", "0.07", "0.07"],
        ["100%", "0.5", "", "0.5"],
        ["-0.15%", "33.3333333333333%", "", ""],
        ["true", "#REF!", "", ""],
        ["1.00000000000000E+15", "0%", "0%", "123456710%"],
    ]


def test_cells_without_a_style_have_the_first_one() -> None:
    assert cells(workbook(["a", "b"], [0.5, styled("0.5", 1)], codes=("0.0",), default=10)) == [["50%", "0.5"]]


def test_percentages_left_and_right_of_the_table_and_below_it_do_no_harm() -> None:
    empty = Xml('<c r="{}" s="1"></c>')
    rows = [[empty, "a"], [empty, styled("0.5", 1), empty], [empty, empty, empty]]
    assert cells(workbook(*rows)) == [["50%"]]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("0%", Shown.AS_PERCENTAGE),
        ("0.00%_);(0.00%)", Shown.AS_PERCENTAGE),
        ('0.0%;-0.0%;"-";@', Shown.AS_PERCENTAGE),
        ("[Red][>=1]0%;[Blue]0.0%", Shown.AS_PERCENTAGE),
        ('\\%0" %"%', Shown.AS_PERCENTAGE),
        ('0"%"', None),
        ("0\\%", None),
        ("0_%", None),
        ("0*%", None),
        ("[$%-409]0", None),
        ("0;-0;0;@%", None),
        ("General", None),
        ("@", None),
        ("yyyy-mm-dd", None),
        ('0"%', None),
        ("", None),
        ("[<1]0%;0", Shown.AS_EITHER),
        ("General;-0%", Shown.AS_EITHER),
    ],
)
def test_a_format_shows_percentages_by_a_sign_that_stands_for_itself(code: str, shown: Shown | None) -> None:
    found = shown_by(code)
    assert (found if found in {Shown.AS_PERCENTAGE, Shown.AS_EITHER} else None) is shown


@settings(max_examples=examples(25))
@given(shown=st.decimals(-(10**6), 10**6, places=6))
def test_no_percentage_gains_or_loses_a_digit(shown: Decimal) -> None:
    text = f"{shown.normalize() if shown else abs(shown):f}"
    assert Decimal(percentage(float(shown / 100)).removesuffix("%")) == Decimal(text)
    assert len(percentage(float(shown / 100))) <= len(text) + 1
