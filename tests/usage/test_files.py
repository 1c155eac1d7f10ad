"""Which files are read, and the errors of those that are not."""

import codecs
import csv
import io

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Account, Charge
from reports.engine.report_type import ReportType
from reports.types import all_types
from tests.factories import make_account
from tests.profiles import examples
from tests.usage_files import counts, upload
from usage.files.csv_files import CsvFile
from usage.files.csv_quoting import NotPlainError
from usage.files.errors import FileRefusedError
from usage.models import Entity, UploadKind
from usage.resources import resource_of

pytestmark = pytest.mark.django_db

GOOD = "code,name\nACME,Acme\nBETA,Beta\n"


def refusals(text: str | bytes, *, kind: str = "accounts") -> list[tuple[int, str, str]]:
    """Return the errors of a file that is refused as a whole."""
    with pytest.raises(FileRefusedError) as refused:
        upload(kind=kind, text=text)
    assert not Account.objects.exists()
    return [(error.line, error.column, error.reason) for error in refused.value.errors]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.encode("utf-8-sig"),
        GOOD.rstrip(),
        GOOD + "\n\n",
        GOOD.replace("BETA", "\nBETA"),
        "name,code\nAcme,ACME\nBeta,BETA\n",
        ' Code ,"NAME"\nACME,Acme\nBETA,Beta\n',
        '"code","name"\n"ACME","Acme"\r\n"BETA","Beta"',
        GOOD.encode("utf-16"),
        codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
        codecs.BOM_UTF16_LE + GOOD.replace("\n", "\r\n").encode("utf-16-le"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t").encode("utf-16"),
        '"code";"name"\r\n"ACME";"Acme"\r\n"BETA";"Beta"',
        "CODE, Na_me \nACME,Acme\nBETA,Beta\n",
    ],
)
def test_a_csv_file_is_read_whatever_its_line_ends_marks_and_order(text: str | bytes) -> None:
    assert upload(kind="accounts", text=text).counts == counts(2, new=2)
    assert dict(Account.objects.values_list("code", "name")) == {"ACME": "Acme", "BETA": "Beta"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\ncode,name\nACME,Acme\n", "first row is blank"),
        (b"PK\x03\x04rest of a workbook", "workbook is broken"),
        (b"%PDF-1.7 ...", "document"),
        (GOOD.encode("utf-16-le"), "UTF-16"),
        (GOOD.encode("utf-32"), "UTF-32"),
        (codecs.BOM_UTF16_LE, "empty"),
        ("c\u00f6de,name\nACME,Acme\n".encode("latin-1"), "UTF-8"),
        (GOOD.replace(",", "|").encode(), "bars"),
        (codecs.BOM_UTF16_LE + "code,name\nACME,".encode("utf-16-le") + b"x\x00" * 3_000_000, "1,000,000 characters"),
        (b"code,name\nACME\nBETA," + b"x" * 300_000, "131,072 characters"),
        (b'code,name\nACME,"Acme\nBETA,Beta\n', "never closed"),
        (b'code,name\nACME,"' + b"Acme\n" * 100_000, "never closed"),
        (b"code,name\nACME," + b"x" * 3_000_000, "1,000,000 characters"),
    ],
)
def test_a_file_that_is_no_csv_is_refused(text: bytes, part: str) -> None:
    [(_line, _column, reason)] = refusals(text)
    assert part in reason


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("line", ["sep={}\n", '"SEP={}"\r\n', "sep={}\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_that_tells_the_separator_is_no_row(mark: str, line: str, encoding: str) -> None:
    text = line.format(mark) + GOOD.replace(",", mark) + f"LONG{mark}{'x' * 300}\n"
    result = upload(kind="accounts", text=text.encode(encoding), skip_errors=True)
    # A spreadsheet does not show that line, either.
    assert [row for row, _column, _reason in result.reasons] == [4]
    assert result.counts == counts(3, new=2, errors=1)


def test_a_declared_but_unknown_separator_is_refused_with_the_way_out() -> None:
    [(line, _column, reason)] = refusals("sep=|\ncode|name\n")
    assert line == 1
    assert reason == (
        "The first line says that the columns are separated by '|'. Use commas, semicolons or tabs, "
        "and correct or remove that line."
    )


@pytest.mark.parametrize("name", ["2.38E+18", "2,38e+18", "-1E+15", "4.42079E+11"])
def test_a_text_that_a_spreadsheet_took_for_a_number_is_an_error_in_every_column(name: str) -> None:
    reason = (
        "A spreadsheet took this {} for a number and its digits are lost: copy it from its source again, "
        "into a column formatted as text."
    )
    result = upload(kind="accounts", text=f'{GOOD}C,"{name}"\n"{name}",D\n')
    assert result.reasons == [(4, "name", reason.format("text")), (5, "code", reason.format("identifier"))]


def test_a_name_with_a_plus_sign_and_a_number_is_none_that_was_ruined() -> None:
    names = ["+4420791", "C++", "1 E+3", "E+18", "A1E+5", "1e5"]
    rows = "".join(f"A{number},{name}\n" for number, name in enumerate(names))
    assert upload(kind="accounts", text=f"code,name\n{rows}").counts == counts(6, new=6)


def test_a_quotation_mark_that_is_never_closed_is_named_by_its_row() -> None:
    assert refusals('code,name\nA,1\n"B",2\nC,"3\nD,4\n')[0][0] == 4


def test_every_fault_of_the_header_is_named() -> None:
    assert refusals("code,kode,code,\nACME,x,y,z\n") == [
        (1, "kode", "The column is unknown; the columns are: code, name."),
        (1, "", "Column 4 has no name; the columns are: code, name."),
        (1, "code", "The file has this column twice."),
        (1, "name", "The file lacks this column."),
    ]


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert upload(kind="accounts", text="code,name\n").counts == counts(0)
    assert upload(kind="accounts", text="code,name").is_applied


def test_every_ragged_row_is_named_and_hides_no_other() -> None:
    text = "name,basis\nCX 1,named\nCX 2\nCX 3,hourly,more\nCX 4,wrong\nCX 5,device\n"
    result = upload(kind="charges", text=text, skip_errors=True)
    assert result.reasons == [
        (3, "", "The row has 1 cell, the header 2."),
        (4, "", 'The row has 3 cells, the header 2; beyond the last column: "more".'),
        (5, "basis", "This is neither named nor concurrent nor hourly nor device."),
    ]
    assert result.counts == counts(5, new=2, errors=3)
    assert set(Charge.objects.values_list("name", flat=True)) == {"CX 1", "CX 5"}


def test_a_row_that_is_not_utf8_or_holds_nul_is_named() -> None:
    text = b"code,name\nACME,Acm\xe9\nBETA,Be\x00ta\nGAMMA,Gamm\xc3\xa9\n"
    result = upload(kind="accounts", text=text, skip_errors=True)
    assert [(line, reason.split(".")[0]) for line, _column, reason in result.reasons] == [
        (2, "The row has bytes that are not UTF-8"),
        (3, "The row contains a NUL character"),
    ]
    assert Account.objects.get().name == "Gammé"


def test_what_is_no_utf16_in_a_file_of_utf16_is_named_by_its_row() -> None:
    good = (codecs.BOM_UTF16_LE, "code;name\nACME;Acme\n".encode("utf-16-le"))
    alone, half = b"B\x00;\x00\x00\xd8B\x00\n\x00", "C;Gammé".encode("utf-16-le") + b"\n"
    result = upload(kind="accounts", text=b"".join([*good, alone, half]), skip_errors=True)
    reason = "The row has bytes that are not UTF-16. Save the file as CSV (UTF-8)."
    assert result.reasons == [(3, "", reason), (4, "", reason)]
    assert Account.objects.get().name == "Acme"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_cells_hold_the_other_marks_and_quotation_marks_the_quick_way_and_the_slow_one(
    mark: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
    names = {"A": 'one, two; three\tfour "five"\nsix', "B": "Gammé, \U0001f600", "C": f"x{mark}y"}
    writer = csv.writer(file, delimiter=mark)
    writer.writerows([("code", "name"), *names.items()])
    for ragged in ("", "D\n"):
        upload(kind="accounts", text=(file.getvalue() + ragged).encode(encoding), skip_errors=True)
        assert dict(Account.objects.values_list("code", "name")) == names
        Account.objects.all().delete()


@pytest.mark.parametrize("report_type", all_types(), ids=lambda report_type: report_type.slug)
def test_a_column_of_a_report_that_can_be_uploaded_may_keep_its_title(report_type: ReportType) -> None:
    computed = {"Peak Concurrent Users", "Minutes at Peak", "Duration", "Duration (Seconds)", "Total cost"}
    computed |= {"Adjusted Duration (seconds)", "Adjusted Duration (minutes)"}
    known = {
        column.heading
        for column in report_type.columns
        if any(resource_of(kind).column_called(column.heading) for kind in UploadKind)
    }
    assert {column.heading for column in report_type.columns} - known <= computed


def test_a_header_may_be_written_as_in_the_reports() -> None:
    header = "SIP Call Id,Origin,Destination,Usage Group,Call Type,Direction,Start time,END_TIME"
    row = "c1,1,2,US,voice,Inbound,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z"
    account = make_account()
    assert upload(kind="calls", text=f"{header}\n{row}\n", account=account).counts == counts(1, new=1)
    with pytest.raises(FileRefusedError, match="sip_call_id: The file has this column twice"):
        upload(kind="calls", text=f"{header},sip_call_id\n{row},c1\n", account=account)


def test_a_line_number_is_the_row_that_a_spreadsheet_shows() -> None:
    text = 'code,name\nA,"one\n1"\n\nB,\n'
    result = upload(kind="accounts", text=text)
    assert [line for line, _column, _reason in result.reasons] == [4]
    text = 'code,name\nA,"one\n1"\nB,\n'
    assert [line for line, _column, _reason in upload(kind="accounts", text=text).reasons] == [3]


def test_a_quotation_mark_inside_a_cell_is_kept_as_a_spreadsheet_keeps_it() -> None:
    text = 'code,name\nA,5" pipe\nB,a "b" c\nC,"say ""hi"", twice"\nD, "x"\nE,"ab"c\nF, "x" y\n'
    result = upload(kind="accounts", text=text, skip_errors=True)
    assert [line for line, _column, _reason in result.reasons] == [6]
    assert dict(Account.objects.values_list("code", "name")) == {
        "A": '5" pipe',
        "B": 'a "b" c',
        "C": 'say "hi", twice',
        "D": "x",
        "F": '"x" y',
    }


def test_a_line_of_backslash_and_point_ends_nothing() -> None:
    assert upload(kind="users", text="email\na@x\n\\.\nb@x\n", account=make_account()).counts == counts(
        3, new=2, errors=1
    )


def test_a_blank_line_in_a_file_of_one_column_is_no_row() -> None:
    result = upload(kind="users", text='email\na@x\n\n""\nb@x\n', account=make_account(), skip_errors=True)
    assert result.reasons == [(4, "email", "The cell is empty; it needs a value.")]
    assert result.counts == counts(3, new=2, errors=1)
    assert Entity.objects.count() == 2


def test_a_million_bytes_of_quoted_cells_take_the_quick_way() -> None:
    rows = "".join(f'"A{number}","Account ""{number}"", with, commas\nand lines"\n' for number in range(20_000))
    assert sum(map(len, CsvFile(io.BytesIO(f"code,name\n{rows}".encode())).plain_chunks())) > 1_000_000
    for bad in ('a"b,c\n', '"a"b,c\n', ' "a",b\n', '"a,b\n'):
        with pytest.raises(NotPlainError):
            list(CsvFile(io.BytesIO(f"code,name\n{rows}{bad}".encode())).plain_chunks())


def test_no_table_of_a_file_stays_behind() -> None:
    upload(kind="accounts", text=GOOD)
    upload(kind="charges", text="name,basis\nCX 1,wrong\n")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'upload\\_%'")
        assert cursor.fetchone() == (0,)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12).map(str.strip)


class Cells(TestCase):
    """Everything that Python's csv module writes is read as the same cells, by COPY or row by row."""

    @settings(max_examples=examples(20))
    @given(
        names=st.lists(
            TEXT.filter(lambda text: text.strip("\ufeff") and not text.startswith("'")), min_size=1, max_size=6
        )
    )
    def test_they_arrive_as_they_were_written(self, names: list[str]) -> None:
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerows([("code", "name"), *((f"A{number}", name) for number, name in enumerate(names))])
        result = upload(kind="accounts", text=file.getvalue())
        assert result.reasons == []
        arrived = dict(Account.objects.values_list("code", "name"))
        assert arrived == {f"A{number}": name.strip("\ufeff").strip() for number, name in enumerate(names)}
