"""Every format reads back what it has written: the cells of the CSV, whatever is in them."""

import io
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as budget

from reports import formats, types
from reports.engine import workbook_rows
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ReportColumn, Scope
from reports.engine.write import write_report
from reports.formats import parquet, xlsx
from tests.factories import make_subscription
from tests.profiles import examples
from tests.report_files import ignore, make_scope, write
from tests.report_readers import read_csv
from tests.reports.odd_usage import KINDS, few_days, make_usage, worlds, written_alone

every_format = pytest.mark.parametrize("file_format", formats.all_formats(), ids=lambda file_format: file_format.slug)


def read_back(file_format: FileFormat, columns: tuple[ReportColumn, ...], content: bytes) -> list[list[str | None]]:
    return list(file_format.read(io.BytesIO(content), columns))


def cells_of(csv: bytes) -> list[list[str | None]]:
    """Return the cells of the rows, without the headings, as another CSV reader reads them."""
    return [[cell or None for cell in row] or [None] for row in read_csv(csv)[1:]]


@pytest.mark.django_db
@budget(max_examples=examples(8), suppress_health_check=list(HealthCheck))
@given(world=worlds)
def test_every_report_in_every_format_reads_back_as_the_cells_of_the_csv(world: dict[str, Any]) -> None:
    with transaction.atomic():
        subscription = make_subscription(activation_date=date(2026, 3, 21))
        make_usage(subscription, world)
        scope = make_scope(subscription, "2026-03-21..2026-03-30")
        for report_type in types.all_types():
            expected = cells_of(write(report_type.slug, scope)[0])
            for file_format in formats.all_formats():
                content, _written = write(report_type.slug, scope, file_format=file_format.slug)
                assert read_back(file_format, report_type.columns, content) == expected, file_format.slug
        transaction.set_rollback(True)


@pytest.mark.django_db
@every_format
@pytest.mark.parametrize("columns", [KINDS, *((column,) for column in KINDS)], ids=lambda columns: columns[-1].kind)
def test_every_kind_of_column_reads_back_with_its_extremes_and_its_gaps(
    file_format: FileFormat, columns: tuple[ReportColumn, ...]
) -> None:
    expected = cells_of(written_alone(formats.by_slug("csv"), columns))

    found = read_back(file_format, columns, written_alone(file_format, columns))

    assert found == expected
    assert len(found) == 8


@pytest.fixture
def scope() -> Scope:
    return few_days()


@pytest.mark.django_db
@pytest.mark.parametrize("with_totals", [False, True])
def test_several_sheets_read_back_as_one_without_the_totals(
    with_totals: bool, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = cells_of(write("user-hours", scope)[0])
    monkeypatch.setattr(xlsx, "MAX_SHEET_ROWS", 4)
    monkeypatch.setattr(workbook_rows, "BYTES_PER_BLOCK", 7)  # a cell arrives in pieces
    target = io.BytesIO()
    report_type = types.by_slug("user-hours")
    workbook = formats.by_slug("xlsx")
    write_report(
        connection,
        report_type=report_type,
        scope=scope,
        format=workbook,
        target=target,
        on_progress=ignore,
        totals_sheet=with_totals,
    )

    assert len(expected) == 8
    assert read_back(workbook, report_type.columns, target.getvalue()) == expected


@pytest.mark.django_db
def test_several_groups_of_rows_read_back_as_one(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cells_of(write("voice-usage", scope)[0])
    monkeypatch.setattr(parquet, "BYTES_PER_BLOCK", 300)
    monkeypatch.setattr(parquet, "ROWS_PER_BATCH", 1)
    content, _written = write("voice-usage", scope, file_format="parquet")

    found = read_back(formats.by_slug("parquet"), types.by_slug("voice-usage").columns, content)

    assert found == expected


@pytest.mark.django_db
@every_format
def test_reading_leaves_the_file_open_for_who_opened_it(file_format: FileFormat, scope: Scope) -> None:
    content, _written = write("resource-usage", scope, file_format=file_format.slug)
    source = io.BytesIO(content)
    rows = file_format.read(source, types.by_slug("resource-usage").columns)

    next(rows)
    rows.close()  # type: ignore[attr-defined] # a generator

    assert not source.closed
