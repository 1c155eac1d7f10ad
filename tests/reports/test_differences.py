"""The differences of two reports, compared with plain Python: dictionaries of rows by their keys."""

import io
from bisect import bisect
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from psycopg import sql

from billing.cycles import midnight
from reports import formats, types
from reports.comparisons.diff import DiffCounts, ReportDiff
from reports.engine.report_type import ColumnKind, ReportColumn, ReportType
from tests.oracle.values import show_text
from tests.profiles import examples
from tests.report_files import ignore
from tests.report_readers import read_csv
from tests.reports.odd_usage import written_alone

Row = tuple[str | None, datetime | None, int | None, Decimal | None]
Line = list[str]

STARTS = [date(2026, 1, 22), date(2026, 2, 22)]
COLUMNS = (
    ReportColumn("Name", ColumnKind.TEXT, "name"),
    ReportColumn("At", ColumnKind.INSTANT, "at"),
    ReportColumn("Count", ColumnKind.INTEGER, "count"),
    ReportColumn("Cost", ColumnKind.DECIMAL, "cost", decimals=(4, 4)),
)
TYPE = ReportType("any", "Any", "anything", COLUMNS, lambda _scope: sql.SQL(""), order_by=("place",))
KEYS = {
    "no key": TYPE,
    "one cell": replace(TYPE, key=("Name",)),
    "two cells": replace(TYPE, key=("Name", "Count")),
    "a cell and its cycle": replace(TYPE, key=("Name",), key_cycle="At"),
}
moments = [
    datetime(2026, 2, 1, tzinfo=UTC),
    datetime(2026, 2, 21, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 2, 21, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 2, 22, tzinfo=UTC),
]
rows = st.tuples(
    st.sampled_from([None, "a", "b", "=1+1", 'say "hi", or\nnot', "电"]),
    st.sampled_from([None, *moments]),
    st.sampled_from([None, 0, 7]),
    st.sampled_from([None, Decimal("0.0570"), Decimal(12)]),
)
reports_of_rows = st.lists(rows, max_size=7)
slugs = st.sampled_from([file_format.slug for file_format in formats.all_formats()])


def file_of(slug: str, report: list[Row]) -> bytes:
    """Return the rows as a file of the format."""
    values = sql.SQL(", ").join(
        sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, (place, *row))))
        for place, row in enumerate(report, start=1)
    )
    nothing = "(0, NULL::text, NULL::timestamptz, NULL::bigint, NULL::numeric)"
    source = f"SELECT * FROM (VALUES {nothing}{', ' if report else ''}{values.as_string(connection.connection)})"
    return written_alone(
        formats.by_slug(slug), COLUMNS, f"{source} AS it (place, name, at, count, cost) WHERE place > 0"
    )


def compared(
    report_type: ReportType, before: tuple[str, bytes], after: tuple[str, bytes]
) -> tuple[DiffCounts, list[list[str]]]:
    """Return the counts and the lines of the file."""
    target = io.BytesIO()
    with transaction.atomic():
        differences = ReportDiff(connection, report_type, STARTS)
        for take, (slug, content) in ((differences.read_before, before), (differences.read_after, after)):
            take(formats.by_slug(slug).read(io.BytesIO(content), report_type.columns), ignore)
        counts = differences.find()
        assert differences.write(target, ignore) == counts.lines
        transaction.set_rollback(True)
    return counts, read_csv(target.getvalue())


def cells(row: Row) -> Line:
    name, at, count, cost = row
    return [
        show_text(name or ""),
        f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z" if at else "",
        "" if count is None else str(count),
        "" if cost is None else f"{cost:.4f}",
    ]


def by_key(kind: str, report: list[Row]) -> dict[Any, tuple[int, Line]]:
    """Return each row with its position, by its key and its number among rows with that key."""
    seen: Counter[Any] = Counter()
    found = {}
    for place, row in enumerate(report):
        name, at, count, _cost = row
        cycle = 0 if at is None else bisect([midnight(day) for day in STARTS], at)
        key = {"no key": row, "one cell": name, "two cells": (name, count), "a cell and its cycle": (name, cycle)}[kind]
        found[key, seen[key]] = (place, cells(row))
        seen[key] += 1
    return found


def expected(kind: str, before: list[Row], after: list[Row]) -> tuple[DiffCounts, list[Line]]:
    old, new = by_key(kind, before), by_key(kind, after)
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {key for key in new.keys() & old.keys() if new[key][1] != old[key][1]}
    lines: list[Line] = []
    for key in sorted(added | changed, key=lambda key: new[key][0]):
        if key in added:
            lines.append(["added", "", *new[key][1]])
            continue
        (_place, was), (_place, is_now) = old[key], new[key]
        names = [column.heading for column, one, other in zip(COLUMNS, was, is_now, strict=True) if one != other]
        lines.append(["changed: before", ", ".join(names), *was])
        lines.append(["changed: after", ", ".join(names), *is_now])
    lines += [["removed", "", *old[key][1]] for key in sorted(removed, key=lambda key: old[key][0])]
    same = len(new.keys() & old.keys()) - len(changed)
    return DiffCounts(len(added), len(removed), len(changed), same), lines


@pytest.mark.django_db
@budget(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(before=reports_of_rows, after=reports_of_rows, first=slugs, second=slugs)
def test_the_differences_of_two_files_are_those_that_dictionaries_find(
    before: list[Row], after: list[Row], first: str, second: str
) -> None:
    files = (first, file_of(first, before)), (second, file_of(second, after))
    for kind, report_type in KEYS.items():
        counts, lines = compared(report_type, *files)
        assert lines.pop(0) == ["Change", "Changed columns", "Name", "At", "Count", "Cost"]
        assert (counts, lines) == expected(kind, before, after), kind


# --- The types of reports -------------------------------------------------------------------------------------------


def csv(slug: str, *lines: str) -> tuple[str, bytes]:
    headings = ",".join(column.heading for column in types.by_slug(slug).columns)
    return "csv", "\n".join([headings, *lines, ""]).encode()


@pytest.mark.django_db
def test_a_first_login_that_becomes_an_earlier_one_is_a_change_and_another_cycles_is_another_row() -> None:
    slug = "billable-usage"
    before = csv(slug, "CX 2 Named,ana,2026-02-03T09:00:00Z", "CX 2 Named,ana,2026-03-01T09:00:00Z")
    after = csv(slug, "CX 2 Named,ana,2026-02-01T09:00:00Z", "CX 2 Named,bo,2026-02-21T09:00:00Z")

    counts, lines = compared(types.by_slug(slug), before, after)

    assert counts == DiffCounts(added=1, removed=1, changed=1, unchanged=0)
    assert [line[:1] + line[3:] for line in lines[1:]] == [
        ["changed: before", "ana", "2026-02-03T09:00:00Z"],
        ["changed: after", "ana", "2026-02-01T09:00:00Z"],
        ["removed", "ana", "2026-03-01T09:00:00Z"],
        ["added", "bo", "2026-02-21T09:00:00Z"],
    ]
    assert lines[1][1] == "Timestamp"


@pytest.mark.django_db
def test_milliseconds_that_the_file_of_an_earlier_version_left_out_are_no_difference() -> None:
    slug = "billable-usage"
    cut = csv(slug, "CX 1 Named,ana,2026-02-03T09:00:00Z", "CX 2 Named,ana,2026-02-03T09:00:00Z")
    exact = csv(slug, "CX 1 Named,ana,2026-02-03T09:00:00.250Z", "CX 2 Named,ana,2026-02-03T09:00:01.250Z")
    other = csv(slug, "CX 1 Named,ana,2026-02-03T09:00:00.251Z", "CX 2 Named,ana,2026-02-03T09:00:01.250Z")

    assert compared(types.by_slug(slug), cut, exact)[0] == DiffCounts(added=0, removed=0, changed=1, unchanged=1)
    assert compared(types.by_slug(slug), exact, other)[0] == DiffCounts(added=0, removed=0, changed=1, unchanged=1)


@pytest.mark.django_db
def test_what_was_added_and_removed_stands_where_the_report_has_it() -> None:
    slug = "resource-usage"
    before = csv(slug, "2026-02-01,SMS,12,message", "2026-02-03,SMS,1,message", "2026-02-04,SMS,1,message")
    after = csv(slug, "2026-02-01,SMS,12.5,message", "2026-02-02,SMS,7,message", "2026-02-04,SMS,1,message")

    counts, lines = compared(types.by_slug(slug), before, after)

    assert counts == DiffCounts(added=1, removed=1, changed=1, unchanged=1)
    assert [(line[0], line[2], line[4]) for line in lines[1:]] == [
        ("changed: before", "2026-02-01", "12"),
        ("changed: after", "2026-02-01", "12.5"),
        ("added", "2026-02-02", "7"),
        ("removed", "2026-02-03", "1"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)
def test_every_type_has_a_key_of_its_own_columns_which_also_determines_the_order(report_type: ReportType) -> None:
    headings = {column.heading for column in report_type.columns}
    assert {*report_type.key, *filter(None, [report_type.key_cycle])} <= headings
    assert set(report_type.order_by) <= {column.expression for column in report_type.columns}
