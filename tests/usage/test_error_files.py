"""The file of rows in error: what it contains, and that it can be fixed and uploaded again."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from psycopg import sql

from billing.models import Account, Charge
from tests.factories import make_account, make_charge, make_entity
from tests.profiles import examples
from tests.usage_files import NOW, Result, counts, table, upload
from tests.workbooks import workbook
from usage.files.errors import FileRefusedError
from usage.models import Call, Entity, LoginSession, ResourceUsage, UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import stage

pytestmark = pytest.mark.django_db

EMPTY = "The cell is empty; it needs a value."
NUL = "The row contains a NUL character."
STRAY = 'A quotation mark ("") stands inside a quoted cell; write it twice, or remove it.'


def lines(result: Result) -> list[str]:
    """Return the lines of the file of rows in error."""
    return result.rows_in_error.decode().splitlines()


@pytest.mark.parametrize("heading", ["reason", " Reason", "REASON_"])
def test_a_column_of_reasons_is_read_over(heading: str) -> None:
    text = f'code,{heading},name\nACME,"Row 2: name: The cell is empty; it needs a value.",Acme\nBETA,,Beta\n'
    assert upload(kind="accounts", text=text).counts == counts(2, new=2)
    assert upload(kind="accounts", text=f"{text}GAMMA\n").reasons == [(4, "", "The row has 1 cell, the header 3.")]
    assert dict(Account.objects.values_list("code", "name")) == {"ACME": "Acme", "BETA": "Beta"}
    with pytest.raises(FileRefusedError, match="reason: The file has this column twice"):
        upload(kind="accounts", text="code,name,reason,Reason\nA,b,c,d\n")


def test_the_rows_stand_in_the_order_of_the_file_each_with_all_that_is_wrong() -> None:
    text = (
        "End Time,start_time,SIP Call Id,origin,destination,usage_group,call_type,direction\n"
        "2026-03-01T09:00:00Z,2026-03-01T10:00:00Z,c1,1, 2 ,,voice,Inbound\n"
        "2026-03-01T11:00:00Z,2026-03-01T10:00:00Z,c2,1,2,US,voice,Inbound\n"
        'now,2026-03-01T10:00:00Z,c3,"1,5","say ""hi""\nthere",US,voice,Both\n'
        "2026-03-01T11:00:00Z,2026-03-01T10:00:00Z,c4,1,2,US,voice,\n"
    )
    result = upload(kind="calls", text=text, account=make_account(), skip_errors=True)
    now = "Not a valid date and time. Use 2026-03-01T09:14:03Z or an offset such as +02:00."
    assert result.rows_in_error.decode() == (
        "end_time,start_time,sip_call_id,origin,destination,usage_group,call_type,direction,reason\n"
        "2026-03-01T09:00:00Z,2026-03-01T10:00:00Z,c1,1, 2 ,,voice,Inbound,"
        f"Row 2: usage_group: {EMPTY} end_time: The call ends before it starts.\n"
        'now,2026-03-01T10:00:00Z,c3,"1,5","say ""hi""\nthere",US,voice,Both,'
        f"Row 4: direction: This is neither Inbound nor Outbound. end_time: {now}\n"
        f"2026-03-01T11:00:00Z,2026-03-01T10:00:00Z,c4,1,2,US,voice,,Row 5: direction: {EMPTY}\n"
    )
    assert result.errors_csv.startswith("line,column,value,reason\n2,usage_group,,")
    assert result.counts == counts(4, new=1, errors=3)


def test_a_file_without_errors_has_the_header_alone_and_of_reasons_one_column() -> None:
    assert lines(upload(kind="accounts", text="Name,CODE\nAcme,ACME\n")) == ["name,code,reason"]
    result = upload(kind="accounts", text="Name,reason,CODE\nAcme,Row 7: something else.,\n")
    assert lines(result) == ["name,code,reason", f"Acme,,Row 2: code: {EMPTY}"]


def test_the_fault_of_one_row_among_others_is_reported_once() -> None:
    text = "code,name\nA,x\nB,y\nA,z\nA,x\n"
    assert lines(upload(kind="accounts", text=text, skip_errors=True))[1:] == [
        "A,x,Row 2: code: Rows 2 and 4 have the same code but differ otherwise.",
        "A,z,Row 4: code: Rows 2 and 4 have the same code but differ otherwise.",
        "A,x,Row 5: code: Rows 2 and 4 have the same code but differ otherwise.",
    ]
    text = "email,account\na@x,NONE\n,NONE\na@x,NONE\n"
    result = upload(kind="users", text=text, skip_errors=True)
    assert lines(result)[2] == f",NONE,Row 3: account: There is no account with this code. email: {EMPTY}"


def test_neither_errors_found_twice_nor_rows_out_of_order_in_the_database_are_seen() -> None:
    file, text = io.BytesIO(), b"code,name\nA,\n,b\nC,\nD,d\n"
    with stage(io.BytesIO(text), UploadContext(UploadKind.ACCOUNTS, None, NOW)) as staged:
        staged.check()
        names = {"cells": staged.batch.staged, "errors": staged.batch.errors}
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("INSERT INTO {errors} SELECT * FROM {errors}").format(**names))
            cursor.execute(sql.SQL("UPDATE {cells} SET line = line WHERE line IN (2, 3)").format(**names))
            cursor.execute("SET LOCAL enable_mergejoin = off")
        staged.write_rows_in_error(file)
    assert file.getvalue().decode() == (
        f"code,name,reason\nA,,Row 2: name: {EMPTY}\n,b,Row 3: code: {EMPTY}\nC,,Row 4: name: {EMPTY}\n"
    )


@pytest.mark.parametrize(
    ("row", "written"),
    [
        (b"CX 2", 'CX 2,,"Row 3: The row has 1 cell, the header 2."'),
        (b"CX 2,named,,", 'CX 2,named,"Row 3: The row has 4 cells, the header 2."'),
        (
            b"CX 2,named,,x,=y",
            'CX 2,named,"Row 3: The row has 5 cells, the header 2; beyond the last column: ""x"", ""=y""."',
        ),
        (b"CX\x00 2,named", "CX\ufffd 2,named,Row 3: The row contains a NUL character."),
        (
            b"=CX \xe9,na\xffmed",
            "'=CX \ufffd,na\ufffdmed,Row 3: The row has bytes that are not UTF-8. Save the file as CSV (UTF-8).",
        ),
        (
            b"CX\x00,named,x\x00",
            f'CX\ufffd,named,"Row 3: {NUL} The row has 3 cells, the header 2; beyond the last column: ""x\ufffd""."',
        ),
        (
            b'"C"X,named,"\xe9\x00"',
            f'"""C""X,named,""\ufffd\ufffd""",,"Row 3: {STRAY}"',
        ),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_split_into_cells_keeps_its_content(row: bytes, written: str) -> None:
    text = b"name,basis\nCX 1,named\n" + row + b"\nCX 3,named\n"
    result = upload(kind="charges", text=text, skip_errors=True)
    assert lines(result) == ["name,basis,reason", written]
    assert result.counts == counts(3, new=2, errors=1)
    # The cells of such a row are not checked: none of them has an error, and the row repeats no other.
    assert [(line, column) for line, column, _reason in result.reasons] == [(3, "")]
    again = upload(kind="charges", text=text.replace(b"CX 3", b"CX 2"), skip_errors=True)
    assert again.counts == counts(3, new=1, unchanged=1, errors=1)


def test_of_a_row_with_a_stray_quotation_mark_its_lines_are_kept_but_not_all_of_a_long_one() -> None:
    stray = '"one\ntwo"x,' + "y" * 2000
    result = upload(kind="charges", text=f"name,basis\n{stray}\nCX 3,named\n", skip_errors=True)
    [_header, row] = csv.reader(io.StringIO(result.rows_in_error.decode(), newline=""))
    assert row[0] == stray[:1000]
    assert result.counts == counts(2, new=1, errors=1)
    surplus = upload(kind="charges", text=f"name,basis\nCX 1,named,{'x' * 2000}\n").errors[0].reason
    assert surplus.endswith("xxx….")
    assert len(surplus) < 1100


def test_cells_that_a_spreadsheet_would_run_are_escaped_and_arrive_as_they_were() -> None:
    names = ["=1+1", "'=1+1", "+a", "@b", "-c", "\t=d", "'e", "+1415", "-5", " f ", "''=g"]
    rows = [f'a{number}@x,"{name}",{"x" * 256}' for number, name in enumerate(names)]
    result = upload(kind="users", text="\n".join(["email,name,division", *rows]), account=make_account())
    cells = [row[1] for row in csv.reader(lines(result)[1:])]
    assert cells == ["'=1+1", "'=1+1", "'+a", "'@b", "'-c", "'=d", "'e", "+1415", "-5", " f ", "''=g"]
    for text in ("\n".join(["email,name,division", *rows]), result.rows_in_error.decode()):
        upload(kind="users", text=text.replace("x" * 256, "y"), account=make_account())
    found = [
        list(Entity.objects.filter(account=account).order_by("identifier").values_list("identifier", "name"))
        for account in Account.objects.order_by("-pk")[:2]
    ]
    assert found[0] == found[1]
    assert len(found[0]) == len(names)


def test_a_cell_of_no_text_is_good_again_though_a_tab_stood_before_it() -> None:
    text = "date,resource,quantity\n\t2026-03-01,SMS,\t12\n"
    account = make_account()
    result = upload(kind="resource_usage", text=text, account=account)
    upload(kind="resources", text="name,unit\nSMS,message\n")
    assert upload(kind="resource_usage", text=result.rows_in_error, account=account).counts == counts(1, new=1)
    assert ResourceUsage.objects.get().quantity == 12


def test_what_a_spreadsheet_ruined_stays_an_error_behind_its_apostrophe() -> None:
    account = make_account()
    result = upload(kind="devices", text="device_id\n-2.38E+18\n", account=account)
    again = upload(kind="devices", text=result.rows_in_error, account=account)
    assert lines(result) == lines(again)
    assert lines(again)[1].startswith("'-2.38E+18,\"Row 2: device_id: A spreadsheet took this identifier for a number")
    result = upload(kind="resource_usage", text='date,resource,quantity\n2026-03-01,SMS,"-1,5"\n', account=account)
    assert lines(result) == lines(upload(kind="resource_usage", text=result.rows_in_error, account=account))
    assert "decimal comma" in lines(result)[1]


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16", ";"), ("utf-8-sig", "\t"), ("utf-16", ",")])
def test_a_file_of_another_encoding_or_mark_gives_one_in_utf8_with_commas(encoding: str, mark: str) -> None:
    text = f'code{mark}name\r\nÄ1{mark}"a, b"\r\n{mark}"c{mark}d, é"\r\n'
    result = upload(kind="accounts", text=text.encode(encoding), skip_errors=True)
    assert result.rows_in_error.decode() == f'code,name,reason\n,"c{mark}d, é",Row 3: code: {EMPTY}\n'


def test_the_rows_of_a_workbook_are_numbered_as_the_spreadsheet_shows_them() -> None:
    data = workbook(
        ["Code", "Name", "Reason"], [], ["A", "=Alpha"], ["B"], [None, "=Beta", "old"], ["C", "x", "y", "z"]
    )
    result = upload(kind="accounts", text=data, skip_errors=True)
    assert lines(result) == [
        "code,name,reason",
        f"B,,Row 4: name: {EMPTY}",
        f",'=Beta,Row 5: code: {EMPTY}",
        'C,x,"Row 6: The row has 4 cells, the header 3; beyond the last column: ""z""."',
    ]


# --- Whatever is wrong with whichever rows -------------------------------------------------------------------------

COLUMNS = {
    "users": ("email", "name", "division"),
    "sessions": ("session_id", "entity", "charge", "started_at", "ended_at", "billable"),
    "calls": tuple(table("calls").strip().split(",")),
}
# The columns by which the rows of two accounts are compared, and possible errors of a cell.
STORED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "users": (Entity, ("identifier", "name", "division")),
    "sessions": (LoginSession, ("session_id", "entity__identifier", "charge__name", "ended_at", "billable")),
    "calls": (Call, ("sip_call_id", "origin", "usage_group", "call_type", "direction", "started_at", "ended_at")),
}
WRONG = {
    "users": [("email", "bob.example"), ("email", "=1+1"), ("email", ""), ("name", "#REF!"), ("division", "x" * 256)],
    "sessions": [
        ("session_id", "-2.3E+18"), ("entity", "stranger@x"), ("charge", "=CX"), ("started_at", "2026-03-01 09:00:00"),
        ("ended_at", "2020-03-01T09:00:00Z"), ("billable", "-perhaps"),
    ],
    "calls": [
        ("sip_call_id", ""), ("origin", "2.3E+18"), ("usage_group", "x" * 256), ("direction", "=Inbound"),
        ("start_time", "2999-03-01T09:00:00Z"), ("end_time", "-1,5"), ("end_time", "2020-03-01T09:00:00Z"),
    ],
}  # fmt: skip
TEXT = st.text("ab0=+-@'\",;\n\t é#", max_size=5)
TORN: dict[str, Callable[[list[str]], bytes]] = {
    "short": lambda row: _line(row[:-1]),
    "long": lambda row: _line([*row, "", "=x"]),
    "nul": lambda row: _line([*row[:-1], row[-1] + "\x00"]),
    "bytes": lambda row: _line([row[0], "\udce9" + row[1], *row[2:]]),
    "quotes": lambda row: b'"a"b,c\n',
}


def _line(row: Sequence[str]) -> bytes:
    """Return a row as CSV; one of empty cells alone is quoted, since it would be no row otherwise."""
    file = io.StringIO(newline="")
    is_blank = not any(cell.strip() for cell in row)
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if is_blank else csv.QUOTE_MINIMAL).writerow(row)
    return file.getvalue().encode(errors="surrogateescape")


@dataclass
class Case:
    """Return a valid file, the same file with errors, and for each of its lines in error the valid row."""

    kind: str
    good: list[list[str]] = field(default_factory=list)
    faulty: list[bytes] = field(default_factory=list)
    meant: dict[int, list[str]] = field(default_factory=dict)

    @property
    def header(self) -> bytes:
        return _line(COLUMNS[self.kind])

    def add(self, row: list[str], fault: object) -> None:
        """Add a row, with a fault: of one cell (name, text), of the whole row (a word), or none."""
        self.good.append(row)
        here = [len(self.faulty) + 2]
        if fault is None:
            here = []
            self.faulty.append(_line(row))
        elif fault == "twice":
            here = [*here, here[0] + 1]
            other = COLUMNS[self.kind].index({"users": "name", "sessions": "ended_at", "calls": "end_time"}[self.kind])
            value = "other" if self.kind == "users" else "2026-03-03T00:00:00Z"
            self.faulty += [_line(row), _line([*row[:other], value, *row[other + 1 :]])]
        elif isinstance(fault, tuple):
            place = COLUMNS[self.kind].index(fault[0])
            self.faulty.append(_line([*row[:place], fault[1], *row[place + 1 :]]))
        else:
            self.faulty.append(TORN[str(fault)](row))
        self.meant |= dict.fromkeys(here, row)


def _row(kind: str, number: int, text: str, other: str) -> list[str]:
    # An address has neither spaces nor semicolons inside; a key has no invisible characters but U+0020.
    key, group = (re.sub(r"[\n\t]", "", one) for one in (other, text))
    if kind == "users":
        local = re.sub(r"[\s@;]", "", text)[:1]
        return [f"{local}u{number}@x", text, other]
    if kind == "sessions":
        return [f"{key}s{number}", "=ana@x", "CX", "2026-03-01T09:00:00Z", "", "yes"]
    begin, end = "2026-03-01T09:00:00Z", "2026-03-01T09:01:00.5+02:00"
    return [f"{key}c{number}", "+1415", f"x{text}", f"=U{key}", f"'{group}v", "Inbound", begin, end[:19] + "Z"]


@st.composite
def cases(draw: st.DrawFn, *, whole_rows: bool) -> Case:
    kind = draw(st.sampled_from(sorted(COLUMNS)))
    case = Case(kind)
    faults = st.sampled_from([None, None, *WRONG[kind], "twice", *(TORN if whole_rows else ())])
    for number in range(draw(st.integers(1, 7))):
        case.add(_row(kind, number, draw(TEXT), draw(TEXT)), draw(faults))
    return case


def _account(kind: str) -> Account:
    account = make_account()
    if kind == "sessions":
        make_entity(account=account, identifier="=ana@x")
        Charge.objects.filter(name="CX").exists() or make_charge(name="CX")
    return account


def _stored(kind: str, account: Account) -> list[tuple[object, ...]]:
    model, columns = STORED[kind]
    return sorted(model.objects.filter(account=account).values_list(*columns), key=repr)


def _mended(result: Result, case: Case) -> bytes:
    """Return the file of rows in error with the wrong cells replaced; the other cells and the reasons stay."""
    [header, *rows] = csv.reader(io.StringIO(result.rows_in_error.decode(), newline=""))
    found = [int(re.match(r"Row (\d+): ", row[-1])[1]) for row in rows]  # type: ignore[index]  # it matches
    assert found == sorted(case.meant)
    mended = []
    for line, row in zip(found, rows, strict=True):
        meant = case.meant[line]
        is_same = [cell.strip() in {text.strip(), f"'{text.strip()}"} for cell, text in zip(row, meant, strict=False)]
        cells = [cell if same else text for cell, text, same in zip(row, meant, is_same, strict=False)]
        mended.append(_line([*cells, row[-1]]))
    return b"".join([_line(header), *mended])


def _reasons(result: Result) -> list[tuple[str, str]]:
    numbers = re.compile(r"Rows \d+ and \d+")
    return [(error.column, numbers.sub("Rows", error.reason)) for error in result.errors]


class RowsInError(TestCase):
    """Whichever rows are in error for whichever reason, nothing is lost by downloading, fixing and uploading them."""

    @settings(max_examples=examples(12))
    @given(case=cases(whole_rows=True))
    def test_the_valid_rows_and_then_the_corrected_ones_equal_the_correct_file(self, case: Case) -> None:
        one, other = _account(case.kind), _account(case.kind)
        correct = b"".join([case.header, *map(_line, case.good)])
        assert upload(kind=case.kind, text=correct, account=one).is_applied
        first = upload(kind=case.kind, text=case.header + b"".join(case.faulty), account=other, skip_errors=True)
        assert first.counts.errors == len(case.meant)
        second = upload(kind=case.kind, text=_mended(first, case), account=other)
        assert (second.reasons, second.counts.rows) == ([], len(case.meant))
        assert _stored(case.kind, one) == _stored(case.kind, other)

    @settings(max_examples=examples(12))
    @given(case=cases(whole_rows=False))
    def test_uncorrected_rows_are_refused_for_the_same_reasons(self, case: Case) -> None:
        account = _account(case.kind)
        first = upload(kind=case.kind, text=case.header + b"".join(case.faulty), account=account, skip_errors=True)
        stored = _stored(case.kind, account)
        second = upload(kind=case.kind, text=first.rows_in_error, account=account, skip_errors=True)
        assert second.counts == counts(len(case.meant), errors=len(case.meant))
        assert _reasons(second) == _reasons(first)
        assert _stored(case.kind, account) == stored
