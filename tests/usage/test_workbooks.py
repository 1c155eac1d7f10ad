"""XLSX workbooks: what their cells become, and the verdict on each that is broken or hostile."""

import io
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from billing.models import Account
from tests.factories import make_account
from tests.faults.processes import wait_for
from tests.setup.test_embedded import is_running
from tests.usage.files import counts, upload
from tests.usage.test_import_usage_command import Run
from tests.usage.workbooks import Xml, moment, packed, parts, sheet, workbook
from usage import workbook_reader, workbooks
from usage.models import Call, Entity, LoginSession, ResourceUsage
from usage.verdicts import FileRefusedError

pytestmark = pytest.mark.django_db

HEADER = ["code", "name"]
GOOD = workbook(HEADER, ["ACME", "Acme"], ["BETA", "Beta"])
CALLS = ["SIP Call Id", "origin", "destination", "usage_group", "call_type", "direction", "Start time", "end_time"]
CALL = ["c1", "1", "2", "US", "voice", "Inbound", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z"]
ERROR = '<c r="{}" t="e"><v>#REF!</v></c>'


def with_part(name: str, change: Callable[[str], str]) -> bytes:
    """The good workbook with one part changed."""
    named = parts(Data=sheet(HEADER, ["ACME", "Acme"]))
    return packed({**named, name: change(named[name])})


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
        ("Start time", date(2026, 3, 1), "This is not an instant"),
        ("Start time", 46082.5, "This is not an instant"),
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


def damaged(data: bytes) -> bytes:
    """Bytes in the middle of the good workbook's sheet turned round."""
    place = data.index(b"xl/worksheets/sheet1.xml") + 60
    return data[:place] + bytes(255 - byte for byte in data[place : place + 40]) + data[place + 40 :]


def overlapping() -> bytes:
    """Two names for one part, the way ZIP bombs are made."""
    data = packed({**parts(Data=sheet(HEADER)), "xl/media/a.xml": "a" * 50, "xl/media/b.xml": "b" * 50})
    first, second = data.index(b"PK\x01\x02", data.rindex(b"xl/media/b.xml") - 150), data.rindex(b"xl/media/b.xml") - 46
    offset = data[data.rindex(b"xl/media/a.xml") - 4 : data.rindex(b"xl/media/a.xml")]
    assert first <= second
    return data[: second + 42] + offset + data[second + 46 :]


def encrypted() -> bytes:
    data = bytearray(GOOD)
    place = data.index(b"PK\x01\x02")
    data[place + 8 : place + 10] = struct.pack("<H", 1)
    return bytes(data)


def lying_bomb() -> bytes:
    """A sheet of 600 MB that its directory says to be small."""
    named = parts(Data=sheet(HEADER))
    start = named["xl/worksheets/sheet1.xml"].replace("</sheetData></worksheet>", '<row><c t="inlineStr"><is><t>')
    pieces = [start.encode(), *[b"0" * 2_000_000] * 300]
    data = bytearray(packed({**named, "xl/worksheets/sheet1.xml": pieces}))
    place = data.rindex(b"xl/worksheets/sheet1.xml") - 46
    data[place + 24 : place + 28] = struct.pack("<I", 1000)
    return bytes(data)


DOCTYPE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
FAR_ROW = '<row r="900000000"><c r="A900000000" t="inlineStr"><is><t>x</t></is></c></row>'
FAR_CELL = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut off": (lambda: GOOD[: len(GOOD) // 2], "its end is missing"),
    "the signature alone": (lambda: b"PK\x03\x04", "its end is missing"),
    "a directory of nothing": (lambda: b"PK\x03\x04" + b"PK\x05\x06" + b"\xff" * 40, "is broken"),
    "damaged inside": (lambda: damaged(GOOD), "is broken"),
    "a renamed archive": (lambda: packed({"a.txt": "hello"}), "no XLSX workbook"),
    "a document": (lambda: packed({"word/document.xml": "<a/>", "[Content_Types].xml": "<a/>"}), "no XLSX workbook"),
    "a binary workbook": (lambda: packed({"xl/workbook.bin": "x"}), "binary workbook"),
    "without its sheet": (lambda: packed({k: v for k, v in parts(D="").items() if "sheet1" not in k}), "is broken"),
    "no XML in the sheet": (lambda: packed(parts(Data="hello")), "is broken"),
    "XML that breaks off": (lambda: packed(parts(Data=sheet(HEADER, ["A", "B"])[:-30])), "is broken"),
    "no XML in the workbook": (lambda: with_part("xl/workbook.xml", lambda xml: xml[:50]), "is broken"),
    "protected": (encrypted, "protected by a password"),
    "an old kind": (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "an old kind or with a password"),
    "two parts of one name": (lambda: GOOD.replace(b"xl/styles.xml", b"_rels/.rels\0\0"), "two parts of one name"),
    "overlapping parts": (overlapping, "overlap"),
    "many parts": (lambda: packed({**parts(D=sheet(HEADER)), **{f"x/{n}": "" for n in range(10_001)}}), "10,007 parts"),
    "a bomb": (lambda: packed({**parts(D=sheet(HEADER)), "xl/a.xml": [bytes(2_000_000)] * 100}), "ZIP bomb"),
    "a far row": (
        lambda: packed(parts(D=sheet(HEADER, ["A", "B"], FAR_ROW))),
        "Cell A900000000 lies far below the others, which end in row 2.",
    ),
    "a far cell": (
        lambda: packed(parts(D=sheet(HEADER, ["A", "B"], FAR_CELL))),
        "Cell XFD1048576 lies far below the others",
    ),
    "entities": (lambda: with_part("xl/worksheets/sheet1.xml", lambda xml: DOCTYPE + xml), "declares entities"),
    "entities in the workbook": (lambda: with_part("xl/workbook.xml", lambda xml: DOCTYPE + xml), "declares entities"),
    "empty": (workbook, "empty"),
    "no sheet": (lambda: packed(parts()), "empty"),
    "data on two sheets": (
        lambda: packed(parts(A=sheet(HEADER), B=sheet(["x"]))),
        "Several sheets have data ('A', 'B')",
    ),
    "blank at the top": (lambda: workbook([], HEADER, ["A", "B"]), "first row is blank"),
    "never computed": (lambda: workbook(HEADER, ["A", Xml('<c r="{}"><f>1+1</f><v/></c>')]), "Cell B2 holds a formula"),
    "an unknown column": (lambda: workbook([*HEADER, "more"], ["A", "B", "C"]), "The column is unknown"),
    "a thousand columns": (lambda: workbook([f"c{n}" for n in range(1000)]), "The column is unknown"),
    "a lying bomb": (lying_bomb, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_broken_or_hostile_gets_a_verdict_and_the_next_file_is_read(name: str) -> None:
    make, part = HOSTILE[name]
    with pytest.raises(FileRefusedError) as refused:
        upload(kind="accounts", text=make())
    sentence = str(refused.value)
    assert part in sentence
    assert sentence.endswith(".")
    assert not Account.objects.exists()


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert upload(kind="accounts", text=workbook(HEADER)).counts == counts(0)


@pytest.mark.parametrize(
    ("program", "part"),
    [
        ("import time; time.sleep(60)", "reading took too long"),
        ("import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 2))\nwhile True: pass", "reading took too long"),
        ("import os; os.abort()", "too much memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "is broken"),
    ],
)
def test_every_end_of_the_reader_has_its_sentence(program: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "_PROGRAM", program)
    monkeypatch.setattr(workbooks, "MAX_SECONDS", 1)
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
        1, "row 1: The workbook is broken: its end is missing. Upload it again, or save it anew.\n"
    )  # fmt: skip


def test_the_reader_inherits_neither_descriptors_nor_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "_PROGRAM", "import os; print(sorted(os.listdir('/dev/fd')), *os.environ, sep=',')")
    monkeypatch.setenv("SECRET_KEY", "secret")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        with workbooks.as_csv(io.BytesIO(GOOD)) as output:
            output.seek(0)
            # The fourth is the folder that is being listed.
            assert output.read() in {b"['0', '1', '2', '3']\n", b"['0', '1', '2', '3'],LC_CTYPE\n"}


def test_a_reader_does_not_outlive_the_worker_that_started_it(tmp_path: Path) -> None:
    number = tmp_path / "number"
    reader = (
        "import os, sys, time; sys.path.append(sys.argv.pop()); from usage import workbook_reader; "
        "workbook_reader._end_with(int(sys.argv[2])); "
        f"file = open('{number}', 'w'); file.write(str(os.getpid())); file.close(); time.sleep(100)"
    )
    worker = (
        "import io, sys; from usage import workbooks; workbooks._PROGRAM = sys.argv[1]\n"
        "with workbooks.as_csv(io.BytesIO(b'PK\\5\\6')): pass"
    )
    with subprocess.Popen([sys.executable, "-c", worker, reader], cwd=workbooks._ROOT) as process:
        try:
            wait_for(lambda: number.exists() and number.read_text(), seconds=10, what="the reader")
            process_id = int(number.read_text())
            assert is_running(process_id)
        finally:
            process.kill()
    wait_for(lambda: not is_running(process_id), seconds=10, what="the end of the reader")


def test_a_reader_whose_worker_has_ended_already_ends_at_once() -> None:
    command = [sys.executable, "-c", workbooks._PROGRAM, workbook_reader.CONVERT, "1", str(workbooks._ROOT)]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL
