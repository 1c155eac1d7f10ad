"""What only one format has: types, sheets, blocks and lines."""

import errno
import io
import re
import subprocess
import sys
import zipfile
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection

from reports import formats, types
from reports.engine import rows
from reports.engine.report_type import Scope
from reports.engine.rows import ReportRows
from reports.formats import parquet, xlsx
from tests.factories import instant, make_call, make_subscription
from tests.report_files import ignore, make_scope, write
from tests.report_readers import READERS, read_csv, read_sheets
from tests.reports.odd_usage import KINDS, few_days, written_alone


@pytest.fixture
def scope() -> Scope:
    return few_days()


@pytest.mark.processes
def test_arrow_is_loaded_on_first_use_alone() -> None:
    script = "import sys; from reports import formats; formats.all_formats(); sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=settings.BASE_DIR)


@pytest.mark.django_db
def test_parquet_is_typed_compressed_and_written_block_by_block(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _written = write("voice-usage", scope, file_format="parquet")
    monkeypatch.setattr(parquet, "BYTES_PER_BLOCK", 300)
    monkeypatch.setattr(rows, "ROWS_PER_BLOCK", 1)

    content, _written = write("voice-usage", scope, file_format="parquet")

    file = pq.ParquetFile(io.BytesIO(content))
    assert file.metadata.num_row_groups == 2
    assert file.read() == pq.read_table(io.BytesIO(whole))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    kinds = {field.name: str(field.type) for field in file.schema_arrow}
    assert kinds["SIP Call Id"] == "string"
    assert kinds["Start time"] == "timestamp[us, tz=UTC]"
    assert kinds["Duration (Seconds)"] == "int64"
    assert kinds["Usage Rate Per Minute"] == "decimal128(38, 6)"
    assert kinds["Total cost"] == "decimal128(38, 4)"
    hours, _written = write("user-hours", scope, file_format="parquet")
    assert [str(field.type) for field in pq.read_schema(io.BytesIO(hours))] == ["string", "date32[day]", "duration[ms]"]


@pytest.mark.django_db
def test_lines_of_json_have_the_headings_as_keys_and_the_digits_of_the_csv(scope: Scope) -> None:
    content, _written = write("voice-usage", scope, file_format="jsonl")

    line = content.decode().partition("\n")[0]
    assert '"Start time":"2026-03-22T22:10:00.500Z"' in line
    assert (
        '"Adjusted Duration (minutes)":1.0,"Usage Rate Per Minute":0.0119,"Total cost":0.0119,"Currency":"USD"' in line
    )


def markup(content: bytes, name: str) -> str:
    """Return the text of a part of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(f"xl/{name}.xml").decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "sizes"), [(10, [8]), (9, [8]), (8, [7, 1]), (5, [4, 4]), (4, [3, 3, 2])])
def test_a_full_sheet_is_followed_by_another_with_the_same_header(
    limit: int, sizes: list[int], scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv, _written = write("user-hours", scope)
    headings, *expected = read_csv(csv)
    monkeypatch.setattr(xlsx, "MAX_SHEET_ROWS", limit)

    content, written = write("user-hours", scope, file_format="xlsx")

    sheets = read_sheets(content)
    assert list(sheets) == ["Data", "Data 2", "Data 3"][: len(sizes)]
    assert [rows.pop(0) for rows in sheets.values()] == [headings] * len(sizes)
    assert [len(rows) for rows in sheets.values()] == sizes
    assert [row[0] for rows in sheets.values() for row in rows] == [cells[0] for cells in expected]
    assert written.rows == len(expected) == 8
    styles = re.findall("<xf .*?>", markup(content, "styles").partition("<cellXfs")[2])
    for number, size in enumerate(sizes, start=1):
        sheet = markup(content, f"worksheets/sheet{number}")
        assert '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in sheet
        assert f'<autoFilter ref="A1:C{size + 1}"/>' in sheet
        assert 'fontId="1"' in styles[int(re.findall(r'<c r="A1" s="(\d+)"', sheet)[0])]
        assert sheet.count("<col ") == 3


def test_a_sheet_holds_what_a_spreadsheet_opens() -> None:
    assert xlsx.MAX_SHEET_ROWS == 1_048_576


@pytest.mark.django_db
def test_cells_of_a_sheet_are_shown_as_the_csv_shows_them() -> None:
    content = written_alone(formats.by_slug("xlsx"), KINDS)

    styles = markup(content, "styles")
    shown = set(re.findall(r'formatCode="([^"]*)"', styles))
    assert shown == {
        "0.00",
        "0.00##",
        "yyyy-mm-dd",
        "yyyy-mm-dd&quot;T&quot;hh:mm:ss.000&quot;Z&quot;",
        "[hh]:mm:ss.000",
    }
    assert "<b/>" in styles


@pytest.mark.django_db
# The warning is of the archive, when it is garbage-collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_while_a_workbook_is_packed_is_reported_as_such(scope: Scope) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _block: object, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    rows = ReportRows(connection, types.by_slug("user-hours").query(scope))
    with pytest.raises(OSError, match="No space left") as raised:
        xlsx.write(rows, Full(), ignore)  # type: ignore[arg-type]  # only writes are needed
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.django_db
def test_text_in_a_sheet_is_neither_formula_nor_link_nor_markup() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    hostile = ["=1+1", "<r>x</b></r>", "<r><t>bold</t></r>", "http://a.example", "12", "+14155550100"]
    for number, text in enumerate(hostile):
        start = instant("2026-03-22T09:00") + timedelta(seconds=number)
        make_call(account=subscription.account, origin=text, started_at=start)

    content, _written = write("voice-usage", make_scope(subscription, "2026-03-22"), file_format="xlsx")

    assert [row[1] for row in READERS["xlsx"](content)[1:]] == ["'=1+1", *hostile[1:]]
    sheet = markup(content, "worksheets/sheet1")
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
