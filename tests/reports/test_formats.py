"""Every report in every format: other libraries read the cells of the CSV from it, with their types."""

from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as budget

from reports import formats, types
from reports.engine import rows
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ColumnKind, ReportColumn, ReportType, Scope
from reports.engine.write import select
from tests.factories import make_subscription
from tests.oracle.values import show_text
from tests.profiles import examples
from tests.report_files import make_scope, write
from tests.report_readers import EXPECTED, READERS, is_same, read_csv
from tests.reports.odd_usage import KINDS, few_days, make_usage, worlds, written_alone

every_format = pytest.mark.parametrize("file_format", formats.all_formats(), ids=lambda file_format: file_format.slug)
every_type = pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)


def raw_texts(report_type: ReportType, scope: Scope) -> list[list[str]]:
    """Return the cells as they are stored, as text."""
    with connection.cursor() as cursor:
        cursor.execute(select(report_type, scope).as_string(cursor.connection))
        return [["" if value is None else str(value) for value in row] for row in cursor.fetchall()]


def assert_same_cells(
    columns: tuple[ReportColumn, ...], slug: str, content: bytes, csv: bytes, raw: list[list[str]]
) -> None:
    headings, *expected = read_csv(csv)
    found = READERS[slug](content)
    if found or slug != "jsonl":
        assert found.pop(0) == headings
    assert len(found) == len(expected) == len(raw)
    for found_row, cells, raw_cells in zip(found, expected, raw, strict=True):
        for column, value, cell, raw_cell in zip(columns, found_row, cells, raw_cells, strict=True):
            if column.kind is ColumnKind.TEXT:
                assert cell == show_text(raw_cell)
            assert is_same(value, EXPECTED[slug](column, cell, raw_cell)), (column.heading, value, cell)


@pytest.mark.django_db
@budget(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(world=worlds)
def test_every_report_in_every_format_holds_what_the_csv_holds(world: dict[str, Any]) -> None:
    with transaction.atomic():
        subscription = make_subscription(activation_date=date(2026, 3, 21))
        make_usage(subscription, world)
        scope = make_scope(subscription, "2026-03-21..2026-03-30")
        for report_type in types.all_types():
            csv, _written = write(report_type.slug, scope)
            raw = raw_texts(report_type, scope)
            for file_format in formats.all_formats():
                content, written = write(report_type.slug, scope, file_format=file_format.slug)
                assert_same_cells(report_type.columns, file_format.slug, content, csv, raw)
                assert written.rows == len(raw)
        transaction.set_rollback(True)


@pytest.mark.django_db
@every_format
@every_type
def test_no_rows_are_a_file_with_headings_alone(report_type: ReportType, file_format: FileFormat) -> None:
    scope = make_scope(make_subscription(activation_date=date(2026, 3, 21)), "2026-03-21")
    csv, _written = write(report_type.slug, scope)

    content, written = write(report_type.slug, scope, file_format=file_format.slug)

    assert_same_cells(report_type.columns, file_format.slug, content, csv, raw_texts(report_type, scope))
    assert written.rows == (1 if report_type.slug == "concurrent-usage" else 0)


# --- Columns that no report has yet ---------------------------------------------------------------------------------


@pytest.mark.django_db
@every_format
@pytest.mark.parametrize("columns", [KINDS, *((column,) for column in KINDS)], ids=lambda columns: columns[-1].kind)
def test_every_kind_of_column_keeps_its_extremes_and_its_gaps(
    file_format: FileFormat, columns: tuple[ReportColumn, ...]
) -> None:
    csv = written_alone(formats.by_slug("csv"), columns)
    words = ["\ufefffirst", "", "", *5 * "x"]

    content = written_alone(file_format, columns)

    # A single empty cell is an empty line, which a CSV reader takes for no cell at all.
    rows = [row or [""] for row in read_csv(csv)]
    found = READERS[file_format.slug](content)
    assert [list(row) or [""] for row in found[:1]] == rows[:1]
    assert len(found) == len(rows) == 9
    for row, cells, raw in zip(found[1:], rows[1:], words, strict=True):
        for column, value, cell in zip(columns, row or [""], cells, strict=True):
            assert is_same(value, EXPECTED[file_format.slug](column, cell, raw)), (column.heading, value, cell)


# --- Rules of all formats --------------------------------------------------------------------------------------


@pytest.fixture
def scope() -> Scope:
    return few_days()


@pytest.mark.django_db
@every_format
def test_the_same_rows_are_the_same_bytes_however_a_session_shows_values(
    file_format: FileFormat, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [write(known.slug, scope, file_format=file_format.slug)[0] for known in types.all_types()]
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    with connection.cursor() as cursor:
        for name, value in [
            ("TimeZone", "Pacific/Chatham"),
            ("DateStyle", "German, DMY"),
            ("extra_float_digits", "-9"),
        ]:
            cursor.execute(f"SET LOCAL {name} TO %s", [value])
        cursor.execute("SET LOCAL standard_conforming_strings TO off")

    after = [write(known.slug, scope, file_format=file_format.slug)[0] for known in types.all_types()]

    assert after == before


@pytest.mark.django_db
@every_format
def test_two_statements_are_all_it_takes_also_while_queries_are_logged(file_format: FileFormat, scope: Scope) -> None:
    content, _written = write("voice-usage", scope, file_format=file_format.slug)

    with CaptureQueriesContext(connection) as queries:
        assert write("voice-usage", scope, file_format=file_format.slug)[0] == content
    assert len(queries) == 2


@pytest.mark.django_db
@every_format
def test_progress_counts_each_row_and_no_other(
    file_format: FileFormat, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.engine.write.SECONDS_BETWEEN_PROGRESS", 0)
    monkeypatch.setattr(rows, "ROWS_PER_BLOCK", 1)
    reported: list[int] = []

    write("user-hours", scope, reported.append, file_format=file_format.slug)

    assert sorted(set(reported)) == list(range(1, 9))
    assert reported == sorted(reported)


@pytest.mark.django_db
@every_format
@pytest.mark.parametrize(("at", "rows_per_block"), [(1, 1), (8, 1), (8, rows.ROWS_PER_BLOCK)])
def test_what_progress_raises_ends_the_writing_and_leaves_the_connection_and_no_file(
    file_format: FileFormat,
    at: int,
    rows_per_block: int,
    scope: Scope,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("reports.engine.write.SECONDS_BETWEEN_PROGRESS", 0)
    monkeypatch.setattr(rows, "ROWS_PER_BLOCK", rows_per_block)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def stop(rows: int) -> None:
        if rows == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write("user-hours", scope, stop, file_format=file_format.slug)

    assert list(tmp_path.iterdir()) == []
    assert len(raw_texts(types.by_slug("user-hours"), scope)) == 8
    assert caplog.records == []  # psycopg would warn about what it cannot restore
