"""Control totals: the sums and counts of the file's own cells, computed again here from its CSV alone."""

import io
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from psycopg import sql

from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ColumnKind, Query, ReportColumn, ReportType, Scope
from reports.engine.rows import ReportRows
from reports.engine.totals import NamedCount, Sum, Totals
from reports.engine.write import TotalsDifferError, WrittenReport, write_report
from tests.factories import instant, make_call, make_subscription, make_version
from tests.oracle import World
from tests.oracle.values import show_text
from tests.profiles import examples
from tests.report_files import ignore, make_scope
from tests.report_readers import read_csv
from tests.reports import odd_usage
from tests.reports.test_oracle_agreement import over_worlds, scope_of_question, upload

pytestmark = pytest.mark.django_db

every_type = pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)

# The counted conditions, by name; each takes the cells of a row by heading.
COUNTED = {"Calls unrated": lambda cells: not cells["Usage Rate Per Minute"]}

# Numbers of which a sum means nothing.
NOT_ADDED = {"Peak Concurrent Users", "Usage Rate Per Minute"}


def write(report_type: ReportType, scope: Scope, file_format: str = "csv") -> tuple[bytes, WrittenReport]:
    target = io.BytesIO()
    written = write_report(
        connection,
        report_type=report_type,
        scope=scope,
        format=formats.by_slug(file_format),
        target=target,
        on_progress=ignore,
    )
    return target.getvalue(), written


def number(column: ReportColumn, cell: str) -> Decimal:
    """Return the number in a cell; a duration in milliseconds."""
    if column.kind is ColumnKind.DURATION:
        hours, minutes, seconds, milliseconds = map(int, cell.split(":"))
        return Decimal(((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds)
    return Decimal(cell)


def sums_of(column: ReportColumn, rows: list[dict[str, str]]) -> dict[str, Decimal]:
    """Return the sums of a column's cells by their `per` column; 0 if no cell has a number."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal, {} if column.per else {"": Decimal()})
    for row in rows:
        if row[column.heading]:
            sums[row[column.per] if column.per else ""] += number(column, row[column.heading])
    return dict(sums)


def assert_totals_of_cells(report_type: ReportType, content: bytes, totals: Totals) -> None:
    headings, *cells = read_csv(content)
    rows = [dict(zip(headings, row, strict=True)) for row in cells]
    numbers = (ColumnKind.INTEGER, ColumnKind.DECIMAL, ColumnKind.DURATION)
    summed = [it for it in report_type.columns if it.kind in numbers and it.heading not in NOT_ADDED]
    found: dict[str, dict[str, Decimal]] = {column.heading: {} for column in summed}
    for it in totals.sums:
        assert show_text(it.group) not in found[it.column]
        found[it.column][show_text(it.group)] = it.amount
    assert found == {column.heading: sums_of(column, rows) for column in summed}
    assert totals.rows == len(rows)
    assert {it.name: it.count for it in totals.distinct} == {
        column.heading: len({row[column.heading] for row in rows}) for column in report_type.columns if column.distinct
    }
    assert {it.name: it.count for it in totals.counts} == {
        it.name: sum(map(COUNTED[it.name], rows)) for it in report_type.counts
    }


def check_every_type(scope: Scope) -> Counter[str]:
    """Check the totals of every report, queried separately and together with its rows; return the numbers of rows."""
    seen: Counter[str] = Counter()
    for report_type in types.all_types():
        content, written = write(replace(report_type, is_costly=False), scope)
        together, also_written = write(replace(report_type, is_costly=True), scope)
        assert together == content
        assert also_written == written
        assert_totals_of_cells(report_type, content, written.totals)
        assert Totals.from_json(written.totals.as_json()) == written.totals
        seen[report_type.slug] += written.rows
    return seen


def test_the_totals_are_those_of_the_cells_over_random_worlds() -> None:
    seen: Counter[str] = Counter()

    def check(world: World) -> None:
        with transaction.atomic():
            upload(world.files)
            for question in world.questions:
                seen.update(check_every_type(scope_of_question(question)))
            transaction.set_rollback(True)

    over_worlds(check, number=6)
    assert any(seen.values())  # of rows that were added up; random worlds decide which types have some


@budget(max_examples=examples(8), suppress_health_check=list(HealthCheck))
@given(world=odd_usage.worlds)
def test_the_totals_are_those_of_the_cells_also_of_hard_texts_and_long_numbers(world: dict[str, Any]) -> None:
    with transaction.atomic():
        subscription = make_subscription(activation_date=date(2026, 3, 21))
        odd_usage.make_usage(subscription, world)
        check_every_type(make_scope(subscription, "2026-03-21..2026-03-30"))
        transaction.set_rollback(True)


@every_type
@pytest.mark.parametrize("file_format", formats.all_formats(), ids=lambda file_format: file_format.slug)
def test_the_totals_do_not_depend_on_the_format(report_type: ReportType, file_format: FileFormat) -> None:
    scope = odd_usage.few_days()

    _content, written = write(report_type, scope, file_format.slug)

    assert written.totals == write(report_type, scope)[1].totals
    assert written.totals.rows == written.rows > 0


@every_type
@pytest.mark.parametrize("is_costly", [False, True])
def test_no_rows_have_totals_too(report_type: ReportType, is_costly: bool) -> None:
    scope = make_scope(make_subscription(activation_date=date(2026, 3, 21)), "2026-03-21")

    content, written = write(replace(report_type, is_costly=is_costly), scope)

    assert_totals_of_cells(report_type, content, written.totals)
    assert {it.amount for it in written.totals.sums} <= {0}


@pytest.mark.parametrize(
    ("slug", "names"),
    [
        ("billable-usage", ["Distinct users and devices"]),
        ("concurrent-usage", []),
        ("resource-usage", ["Distinct resources"]),
        ("user-hours", ["Distinct users"]),
        ("voice-usage", []),
    ],
)
def test_a_report_type_names_its_distinct_counts_and_manifests_keep_the_headings(slug: str, names: list[str]) -> None:
    report_type = types.by_slug(slug)
    headings = [column.heading for column in report_type.columns if column.distinct]
    totals = Totals(distinct=tuple(NamedCount(heading, 2) for heading in headings))
    assert [line.name for line in totals.lines(report_type.columns)][1:] == names
    assert [line.name for line in totals.lines()][1:] == [f"Distinct values of {heading}" for heading in headings]
    assert [it["column"] for it in totals.as_json()["distinct"]] == headings


def test_amounts_of_two_currencies_are_two_sums_with_the_decimals_of_the_cells() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    start = instant("2026-03-22T09:00")
    versions = {currency: make_version(currency=currency) for currency in ("EUR", "USD")}
    for place, (currency, cost) in enumerate([("USD", "0.0119"), ("EUR", "1.5000"), ("USD", "0.9881")]):
        make_call(
            account=subscription.account,
            started_at=start + timedelta(minutes=place),
            rate_per_minute="0.05",
            cost=cost,
            currency=currency,
            adjusted_seconds=60,
            rate_sheet_version=versions[currency],
        )
    make_call(account=subscription.account, started_at=start, seconds=7)

    _content, written = write(types.by_slug("voice-usage"), make_scope(subscription, "2026-03-22"))

    lines = [(it.name, f"{it.amount:f}", it.unit, it.group) for it in written.totals.lines()]
    assert lines == [
        ("Rows", "4", "", ""),
        ("Sum of Duration (Seconds)", "172", "seconds", ""),
        ("Sum of Adjusted Duration (seconds)", "180", "seconds", ""),
        ("Sum of Adjusted Duration (minutes)", "3.0", "minutes", ""),
        ("Sum of Total cost", "1.5000", "", "EUR"),
        ("Sum of Total cost", "1.0000", "", "USD"),
        ("Calls unrated", "1", "", ""),
    ]


@every_type
def test_the_totals_are_known_before_the_first_row(report_type: ReportType) -> None:
    reported: list[str] = []

    write_report(
        connection,
        report_type=report_type,
        scope=odd_usage.few_days(),
        format=formats.by_slug("csv"),
        target=io.BytesIO(),
        on_progress=lambda rows: reported.append(f"{rows} rows"),
        on_totals=lambda totals: reported.append(f"{totals.rows} expected"),
    )

    assert reported[0].endswith("expected")
    assert len(reported) > 1
    assert all(it.endswith("rows") for it in reported[1:])


# One more row each time it is read, unlike in any snapshot.
RESTLESS = ReportType(
    slug="restless",
    title="Restless",
    description="",
    columns=(ReportColumn("Number", ColumnKind.INTEGER, "number"),),
    source=lambda _scope: sql.SQL("SELECT number FROM generate_series(1, nextval('readings')) AS number"),
    order_by=("number",),
)


@pytest.fixture
def restless() -> ReportType:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY SEQUENCE readings")
    return RESTLESS


def test_two_columns_with_one_heading_are_refused_since_their_sums_would_be_one(restless: ReportType) -> None:
    with pytest.raises(ValueError, match="Restless: two columns have the same heading"):
        replace(restless, columns=restless.columns * 2)


def test_rows_that_are_not_those_of_the_totals_are_no_report(restless: ReportType) -> None:
    with pytest.raises(TotalsDifferError, match="Restless: 2 rows were written, 1 were counted"):
        write(restless, odd_usage.few_days())


def test_rows_that_are_made_once_are_those_of_the_totals(restless: ReportType) -> None:
    content, written = write(replace(restless, is_costly=True), odd_usage.few_days())

    assert content == b"Number\n1\n"
    assert_totals_of_cells(restless, content, written.totals)


@every_type
def test_a_file_that_lacks_a_row_is_no_report(report_type: ReportType) -> None:
    csv = formats.by_slug("csv")
    losing = replace(csv, write=lambda rows, target, progress: csv.write(rows, target, progress) - 1)

    with pytest.raises(TotalsDifferError):
        write_report(
            connection,
            report_type=report_type,
            scope=odd_usage.few_days(),
            format=losing,
            target=io.BytesIO(),
            on_progress=ignore,
        )


@pytest.mark.parametrize("is_costly", [False, True])
def test_sums_of_many_digits_are_exact(is_costly: bool) -> None:
    source = sql.SQL("SELECT * FROM (VALUES (10::numeric ^ 30), (0.000001)) AS amounts (amount)")
    columns = (ReportColumn("Amount", ColumnKind.DECIMAL, "amount"),)
    rows = ReportRows(connection, Query(columns, source, ("amount",), is_costly=is_costly))
    formats.by_slug("csv").write(rows, io.BytesIO(), ignore)
    assert rows.totals.sums == (Sum("Amount", Decimal(f"1{'0' * 30}.000001")),)
