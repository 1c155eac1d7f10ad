"""XLSX workbooks: how their cells are read, and why broken or hostile ones are refused."""

import csv
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import Account
from tests.factories import make_account
from tests.processes import is_running
from tests.profiles import examples
from tests.usage.test_import_usage_command import Run
from tests.usage_files import counts, upload
from tests.waiting import wait_for
from tests.workbooks import MAIN, Xml, moment, packed, parts, sheet, workbook
from usage.files import workbook_reader, workbooks
from usage.files.errors import FileNotice, FileRefusedError
from usage.files.raw_files import opened
from usage.files.workbook_cells import NOT_TEXT
from usage.models import Call, Entity, LoginSession, ResourceUsage

pytestmark = [pytest.mark.django_db, pytest.mark.processes]

HEADER = ["code", "name"]
GOOD = workbook(HEADER, ["ACME", "Acme"], ["BETA", "Beta"])
CALLS = ["SIP Call Id", "origin", "destination", "usage_group", "call_type", "direction", "Start time", "end_time"]
CALL = ["c1", "1", "2", "US", "voice", "Inbound", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z"]
ERROR = '<c r="{}" t="e"><v>#REF!</v></c>'


def reasons_of_call(column: str, value: Any) -> list[tuple[int, str, str]]:
    cells = dict(zip(CALLS, CALL, strict=True)) | {column: value}
    return upload(kind="calls", text=workbook(CALLS, list(cells.values())), account=make_account()).reasons


def test_a_workbook_is_read_as_a_csv_file_is() -> None:
    result = upload(kind="accounts", text=GOOD)
    assert (result.counts, result.is_applied) == (counts(2, new=2), True)
    assert dict(Account.objects.values_list("code", "name")) == {"ACME": "Acme", "BETA": "Beta"}
    assert upload(kind="accounts", text=GOOD).counts == counts(2, unchanged=2)


def test_rows_are_numbered_as_the_spreadsheet_shows_them_and_every_bad_one_is_named() -> None:
    rows = [
        [],
        [None, None],
        ["A", "x" * 300],
        ["B"],
        ["C", "Gamma", None, "more"],
        [],
        [None, "=1+1"],
        ["D", 'a "b"\nc,'],
    ]
    result = upload(kind="accounts", text=workbook(HEADER, *rows, [None], []), skip_errors=True)
    assert result.reasons == [
        (4, "name", "The text has more than 255 characters."),
        (5, "name", "The cell is empty; it needs a value."),
        (6, "", 'The row has 4 cells, the header 2; beyond the last column: "more".'),
        (8, "code", "The cell is empty; it needs a value."),
    ]
    assert Account.objects.get().name == 'a "b"\nc,'


def test_typed_cells_become_the_strict_text_of_their_columns() -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n7,piece\n")
    account = make_account()
    rows = [
        [date(2026, 3, 1), "SMS", 0.1 + 0.2],
        [moment("2026-03-02"), "SMS", 1200],
        ["2026-03-03", 7.0, 0.000001],
        [date(2026, 3, 4), "SMS", Xml('<c r="{}"><f>1+1</f><v>2</v></c>')],
    ]
    result = upload(kind="resource_usage", text=workbook(["Date", "Resource", "Quantity"], *rows), account=account)
    assert result.reasons == []
    kept = ResourceUsage.objects.order_by("used_on").values_list("used_on", "resource__name", "quantity")
    assert [(day.isoformat(), name, f"{quantity.normalize():f}") for day, name, quantity in kept] == [
        ("2026-03-01", "SMS", "0.3"),
        ("2026-03-02", "SMS", "1200"),
        ("2026-03-03", "7", "0.000001"),
        ("2026-03-04", "SMS", "2"),
    ]


def test_booleans_and_short_numbers_are_kept() -> None:
    account = make_account()
    upload(kind="charges", text="name,basis\nCX 1,named\n")
    upload(kind="devices", text="device_id\n4711\n", account=account)
    header = ["session_id", "entity", "charge", "started_at", "ended_at", "billable"]
    row = [123456789012345, 4711, "CX 1", "2026-03-01T09:00:00Z", None, False]
    assert upload(kind="sessions", text=workbook(header, row), account=account).reasons == []
    session = LoginSession.objects.get()
    assert (session.session_id, session.entity.identifier, session.billable) == ("123456789012345", "4711", False)


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("SIP Call Id", 2385737281234567890, "took this identifier for a number"),
        ("SIP Call Id", 1e15, "took this identifier for a number"),
        ("origin", 4420791234567890.0, "took this identifier for a number"),
        ("Start time", moment("2026-03-01T09:14:03"), "The time has no zone"),
        ("Start time", date(2026, 3, 1), "Not a valid date and time"),
        ("Start time", 46082.5, "Not a valid date and time"),
        ("destination", Xml(ERROR), "The cell holds the error of a formula"),
        ("end_time", Xml(ERROR), "The cell holds the error of a formula"),
        ("usage_group", Xml('<c r="{}" t="e"><f>1/0</f><v>#DIV/0!</v></c>'), "The cell holds the error of a formula"),
        ("call_type", Xml('<c r="{}" t="str"><f>A1</f><v></v></c>'), "The cell is empty"),
    ],
)
def test_a_cell_that_is_no_value_of_its_column_is_an_error_that_says_so(column: str, value: Any, part: str) -> None:
    [(line, _name, reason)] = reasons_of_call(column, value)
    assert (line, part in reason) == (2, True), reason
    assert not Call.objects.exists()


def test_errors_are_found_where_no_other_cell_is() -> None:
    result = upload(kind="users", text=workbook(["email", "name"], ["a@x"], [None, Xml(ERROR)]), account=make_account())
    assert result.reasons == [
        (3, "email", "The cell is empty; it needs a value."),
        (3, "name", "The cell holds the error of a formula, not a value."),
    ]


def test_hidden_and_empty_sheets_do_no_harm() -> None:
    sheets = {"Notes": sheet(), "hidden lists": sheet(["x"], [Xml(ERROR)]), "Data": sheet(HEADER, ["ACME", "Acme"])}
    assert upload(kind="accounts", text=packed(parts(**sheets))).is_applied


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert upload(kind="accounts", text=workbook(HEADER)).counts == counts(0)


@pytest.mark.parametrize(
    ("program", "seconds", "part"),
    [
        ("import time; time.sleep(600)", 0.2, "reading took too long"),
        ("import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 2))\nwhile True: pass", 300, "reading took too long"),
        ("import os; os.abort()", 300, "too much memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 300, "is broken"),
    ],
)
def test_every_end_of_the_reader_has_its_sentence(
    program: str, seconds: float, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "_PROGRAM", program)
    monkeypatch.setattr(workbooks, "MAX_SECONDS", seconds)
    with pytest.raises(FileRefusedError, match=part), workbooks.as_csv(io.BytesIO(GOOD)):
        pass


def test_the_command_reads_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "users.xlsx"
    make_account(code="ACME")
    path.write_bytes(workbook(["E-mail", "Name"], ["a@x", "Ana"]))
    assert Run("users", str(path), "--account", "ACME", "--yes").status == 1
    path.write_bytes(workbook(["EMAIL", "Name"], ["a@x", "Ana"]))
    assert Run("users", str(path), "--account", "ACME", "--yes").summary == (1, 1, 0, 0, 0)
    assert Entity.objects.get().name == "Ana"
    path.write_bytes(GOOD[:300])
    run = Run("accounts", str(path), "--yes")
    assert (run.status, run.stderr) == (
        1, "row 1: The workbook is broken: its end is missing. Upload it again, or save it again.\n"
    )  # fmt: skip


def test_the_reader_inherits_neither_descriptors_nor_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "_PROGRAM", "import os; print(sorted(os.listdir('/dev/fd')), *os.environ, sep=',')")
    monkeypatch.setenv("SECRET_KEY", "secret")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        with workbooks.as_csv(io.BytesIO(GOOD)) as (output, _notices):
            output.seek(0)
            # The fourth is the folder being listed.
            assert output.read() in {b"['0', '1', '2', '3']\n", b"['0', '1', '2', '3'],LC_CTYPE\n"}


def test_a_reader_does_not_outlive_the_worker_that_started_it(tmp_path: Path) -> None:
    number = tmp_path / "number"
    reader = (
        "import os, sys, time; sys.path.append(sys.argv.pop()); from usage.files import workbook_reader; "
        "workbook_reader._end_with(int(sys.argv[2])); "
        f"file = open('{number}', 'w'); file.write(str(os.getpid())); file.close(); time.sleep(600)"
    )
    worker = (
        "import io, sys; from usage.files import workbooks; workbooks._PROGRAM = sys.argv[1]\n"
        "with workbooks.as_csv(io.BytesIO(b'PK\\5\\6')): pass"
    )
    with subprocess.Popen([sys.executable, "-c", worker, reader], cwd=workbooks._ROOT) as process:
        try:
            wait_for(lambda: number.exists() and number.read_text(), what="the reader")
            process_id = int(number.read_text())
            assert is_running(process_id)
        finally:
            process.kill()
    wait_for(lambda: not is_running(process_id), what="the end of the reader")


def test_a_reader_whose_worker_has_ended_already_ends_at_once() -> None:
    command = [sys.executable, "-c", workbooks._PROGRAM, workbook_reader.CONVERT, "1", str(workbooks._ROOT)]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffe\uffff"), max_size=12) | st.sampled_from(
    ['say "hi"', "a\r\nb", "\r", "_x000D_", "=1+1", "'", " , ; \t ", "\U0001f600", "1e5", "<&>", "007", "#REF!"]
)
DAY = st.dates(date(1900, 3, 1))
CELL = st.one_of(
    TEXT,
    st.none(),
    st.booleans(),
    st.integers(1 - 10**15, 10**15 - 1),
    st.decimals(-(10**8), 10**8, places=6),
    DAY,
    st.builds(datetime.combine, DAY, st.times().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))),
)


def written(cell: Any) -> str:
    """Return a cell as it would be written in a CSV file."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, Decimal):
        return f"{cell.normalize() if cell else abs(cell.to_integral()):f}"
    if isinstance(cell, datetime):
        # A spreadsheet cannot tell midnight from the day.
        return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds").removesuffix("T00:00:00")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def by_xlsxwriter(table: list[list[Any]], *, texts_are_shared: bool) -> io.BytesIO:
    """Return a workbook as the product's own writer writes it."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"constant_memory": not texts_are_shared}) as book:
        day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"))
        page = book.add_worksheet()
        for line, row in enumerate(table):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    page.write_string(line, place, cell)
                elif isinstance(cell, date):
                    page.write_datetime(line, place, cell, moment if isinstance(cell, datetime) else day)
                else:
                    page.write(line, place, cell)
    file.seek(0)
    return file


@settings(max_examples=examples(10))
@given(rows=st.lists(st.tuples(st.integers(1, 99), CELL, CELL, CELL), max_size=8), texts_are_shared=st.booleans())
def test_a_workbook_is_read_as_the_csv_file_of_the_same_cells(rows: list[Any], texts_are_shared: bool) -> None:
    table = [["one", "two", "three", "four"], *map(list, rows)]
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows([map(written, row) for row in table])
    with (
        opened(by_xlsxwriter(table, texts_are_shared=texts_are_shared)) as read,
        opened(io.BytesIO(file.getvalue().encode())) as csv_file,
    ):
        unmarked = [
            (line, [cell.removesuffix(NOT_TEXT) for cell in cells])
            for line, cells in read.records()
            if isinstance(cells, list)
        ]
        assert unmarked == list(csv_file.records())


def styled(*rows: Any, codes: tuple[str, ...]) -> dict[str, str]:
    """Return the parts of a workbook with styles of these formats from style 1 on."""
    named = parts(Data=sheet(*rows))
    declared = "".join(f"<numFmt numFmtId='{164 + n}' formatCode={quoteattr(code)}/>" for n, code in enumerate(codes))
    used = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(codes)))
    named["xl/styles.xml"] = (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{declared}</numFmts><cellXfs><xf numFmtId="0"/>{used}</cellXfs>'
        "</styleSheet>"
    )
    return named


def number(value: float, style: int = 1) -> Xml:
    return Xml(f'<c r="{{}}" s="{style}"><v>{value!r}</v></c>')


def only_cell(value: Any, code: str) -> str:
    """Return the text of a workbook's only cell below its header, with its mark."""
    with opened(io.BytesIO(packed(styled(["a"], [value], codes=(code,))))) as file:
        [_header, (_line, cells)] = file.records()
    assert isinstance(cells, list)
    return cells[0]


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("00000000000", 2079460100, "02079460100"),
        ('"+"0', 442079460100, "+442079460100"),
        ("+0", 44, "+44"),
        ("\\+0", 44, "+44"),
        ('"+44"0000000000', 2079460100, "+442079460100"),
        ("0000", -7, "-0007"),
        ("General", 7, "7"),
        ("GENERAL", 7, "7"),
        ("@", 7, "7"),
        ("0_ ;[Red]\\-0\\ ", 7, "7"),
        ("###0", 12, "12"),
        ("[$-409]0", 7, "7"),
        ("General", 7.0, "7"),
        ("000", 1000, "1000"),
    ],
)
def test_a_whole_number_shown_as_its_digits_is_what_is_shown(code: str, value: float, shown: str) -> None:
    assert only_cell(number(value), code) == shown


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("#,##0", 1234, "1234"),
        ("0.00", 5, "5"),
        ("0", 5.5, "5.5"),
        ("General", 1764500000.1, "1764500000.1"),
        ('0 "pcs"', 5, "5"),
        ("0,", 5000, "5000"),
        ("[>9]00;0", 5, "5"),
        ("(0)", 5, "5"),
        ('"+"0', -5, "-5"),
        ("0;(0)", -5, "-5"),
        ("#", 0, "0"),
        ("0E+00", 5, "5"),
        ("0%", 0.5, "50%"),
        ("yyyy-mm-dd", 46082, "2026-03-01"),
        ('yyyy-mm-dd"T"hh:mm:ss"Z"', 46082, "2026-03-01T00:00:00Z"),
        ('yyyy-mm-dd"T"hh:mm:ss.000"Z"', 46082.375, "2026-03-01T09:00:00Z"),
        ('yyyy\\-mm\\-dd"T"hh:mm:ss\\Z;@', 46082.375, "2026-03-01T09:00:00Z"),
        ('yyyy-mm-dd hh:mm"CEZ"', 46082.375, "2026-03-01T09:00:00"),
        ('yyyy-mm-dd"Z"', 46082, "2026-03-01"),
    ],
)
def test_what_is_shown_otherwise_is_no_text(code: str, value: float, text: str) -> None:
    assert only_cell(number(value), code) == f"{text}{NOT_TEXT}"


@settings(max_examples=examples(20))
@given(value=st.integers(0, 10**15 - 1), width=st.integers(1, 15), plus=st.sampled_from(["", '"+"', "+", "\\+"]))
def test_zeros_and_a_plus_give_what_a_spreadsheet_shows(value: int, width: int, plus: str) -> None:
    sign = "+" if plus else ""
    assert only_cell(number(value), f"{plus}{'0' * width}") == f"{sign}{str(value).zfill(width)}"


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("SIP Call Id", date(2026, 3, 4), "The cell holds a date, a time or a truth value, where an identifier"),
        ("usage_group", date(2026, 3, 1), "The cell holds a date, a time or a truth value"),
        ("origin", moment("2026-03-01T03:45:00"), "The cell holds a date, a time or a truth value"),
        ("call_type", True, "The cell holds a date, a time or a truth value"),
        ("SIP Call Id", 1764500000.1, "not shown as its digits alone: format the column as text"),
    ],
)
def test_a_cell_that_is_no_text_is_refused_in_a_column_of_text(column: str, value: Any, part: str) -> None:
    [(line, name, reason)] = reasons_of_call(column, value)
    assert (line, name.lower().replace(" ", "_"), part in reason) == (2, column.lower().replace(" ", "_"), True), reason


def test_the_errors_show_the_cell_and_its_row_stays_an_error_until_it_is_corrected() -> None:
    account = make_account()
    row = [1764500000.1, *CALL[1:]]
    result = upload(kind="calls", text=workbook(CALLS, row), account=account)
    assert [error.value for error in result.errors] == ["1764500000.1"]
    assert upload(kind="calls", text=result.rows_in_error, account=account).counts.errors == 1
    upload(kind="resources", text="name,unit\nSMS,message\n")
    usage = workbook(["date", "resource", "quantity"], [date(2026, 3, 1), "Fax", 0.5])
    [_header, in_error] = upload(kind="resource_usage", text=usage, account=account).rows_in_error.splitlines()
    assert in_error.startswith(b"2026-03-01,Fax,0.5,")


def test_a_text_that_looks_like_a_date_or_a_number_stays_a_text() -> None:
    assert upload(
        kind="accounts", text=workbook(HEADER, ["2026-03-04", "1.50"], ["true", "0.10"]), skip_errors=False
    ).is_applied


def test_an_instant_whose_format_ends_in_z_is_utc() -> None:
    account = make_account()
    instants = [number(46082.375, 1), number(46082.37569444445, 1)]
    named = styled(CALLS, [*CALL[:6], *instants], codes=('yyyy-mm-dd"T"hh:mm:ss"Z"',))
    assert upload(kind="calls", text=packed(named), account=account).reasons == []
    call = Call.objects.get()
    assert (call.started_at.isoformat(), call.ended_at.isoformat()) == (
        "2026-03-01T09:00:00+00:00",
        "2026-03-01T09:01:00+00:00",
    )


def laid_out(*rows: Any, before: str = "", after: str = "") -> io.BytesIO:
    """Return a workbook with XML before and after the rows of its sheet."""
    named = parts(Data=sheet(*rows))
    part = "xl/worksheets/sheet1.xml"
    named[part] = (
        named[part].replace("<sheetData>", f"{before}<sheetData>").replace("</sheetData>", f"</sheetData>{after}")
    )
    return io.BytesIO(packed(named))


@pytest.mark.parametrize(("area", "line"), [("B2:B3", 2), ("A1:B1", 1), ("B3:D9", 3)])
def test_merged_cells_with_data_are_refused_with_their_area(area: str, line: int) -> None:
    merged = f'<mergeCells count="2"><mergeCell ref="F2:G9"/><mergeCell ref="{area}"/></mergeCells>'
    file = laid_out(HEADER, ["A", "x"], ["B", "y"], after=merged)
    with pytest.raises(FileRefusedError, match=f"The cells {area} are merged.*unmerge them") as refused, opened(file):
        pass
    assert refused.value.errors[0].line == line


def hidden_row(line: int, value: str) -> str:
    return f'<row r="{line}" hidden="1"><c r="A{line}" t="inlineStr"><is><t>{value}</t></is></c></row>'


@pytest.mark.parametrize(
    ("before", "after", "rows", "reasons"),
    [
        ("", '<autoFilter ref="A1:B9"/>', [3], ["1 row is hidden by a filter, and is loaded like the others: row 3."]),
        ("", "", [3], ["1 row is hidden, and is loaded like the others: row 3."]),
        ("", '<autoFilter ref="A1:B2"/>', [3], ["1 row is hidden, and is loaded like the others: row 3."]),
        ("", "", [3, 4], ["2 rows are hidden, and are loaded like the others: rows 3, 4."]),
        (
            "",
            "",
            range(3, 10),
            ["7 rows are hidden, and are loaded like the others: rows 3, 4, 5, 6, 7 and more."],
        ),
        (
            '<cols><col min="2" max="9" hidden="true"/></cols>',
            "",
            [],
            ["1 column is hidden, and is loaded like the others: column B."],
        ),
        ('<cols><col min="3" max="9" hidden="1"/></cols>', "", [], []),
        ('<cols><col min="1" max="9" hidden="false"/></cols>', '<autoFilter ref="A1:B9"/>', [], []),
    ],
)
def test_hidden_rows_and_columns_with_data_give_one_notice_each(
    before: str, after: str, rows: Iterable[int], reasons: list[str]
) -> None:
    file = laid_out(
        HEADER,
        ["A", "x"],
        *(hidden_row(line, f"H{line}") for line in rows),
        '<row r="40" hidden="1"/>',
        before=before,
        after=after,
    )
    with opened(file) as opened_file:
        assert opened_file.notices == [FileNotice(0, "", "", reason) for reason in reasons]


def test_a_file_without_oddities_has_no_notices() -> None:
    for content in (GOOD, b"code,name\nA,x\n"):
        with opened(io.BytesIO(content)) as file:
            assert file.notices == []


def test_days_may_be_counted_from_1904() -> None:
    named = parts(Data=sheet(["day"], [Xml('<c r="{}" s="1"><v>44561</v></c>')]))
    named["xl/workbook.xml"] = named["xl/workbook.xml"].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    with opened(io.BytesIO(packed(named))) as file:
        assert list(file.records()) == [(1, ["day"]), (2, [f"2026-01-01{NOT_TEXT}"])]
