"""Rate sheets from files: versions that follow one another, and values that their rows must share."""

from datetime import date

import pytest

from billing.models import Rate, RateSheetVersion, UsageGroup
from tests.factories import make_subscription, make_version
from tests.usage_files import COLUMNS, counts, table, upload

pytestmark = pytest.mark.django_db


def rate(start: str = "2026-01-01", *, sheet: str = "World", group: str = "US", price: str = "0.0181") -> str:
    """Return a row of a file of rates."""
    return f"{sheet},USD,{start},{group},United States,voice,Outbound,{price}"


def through(*rows: tuple[str, str]) -> str:
    """Return a file of versions (start, last day), with the column of the last day."""
    return "\n".join([f"{COLUMNS['rates']},effective_through", *(f"{rate(start)},{last}" for start, last in rows), ""])


def versions() -> list[tuple[str, str]]:
    """Return (first day, last day or empty) of every version."""
    days = RateSheetVersion.objects.order_by("effective_from").values_list("effective_from", "effective_through")
    return [(str(first), str(last or "")) for first, last in days]


IN_TURN = [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "")]


@pytest.mark.parametrize("order", ["123", "321", "213", "132", "312", "231"])
@pytest.mark.parametrize("says_open", [True, False])
def test_an_open_version_ends_on_the_day_before_its_successor_in_whatever_order_they_arrive(
    order: str, *, says_open: bool
) -> None:
    for month in order:
        start = f"2026-0{month}-01"
        assert upload(kind="rates", text=through((start, "")) if says_open else table("rates", rate(start))).is_applied
    assert versions() == IN_TURN
    for month in order:
        start = f"2026-0{month}-01"
        text = through((start, "")) if says_open else table("rates", rate(start))
        assert upload(kind="rates", text=text).counts == counts(1, unchanged=1)


def test_versions_of_one_file_follow_one_another() -> None:
    text = table("rates", *(rate(f"2026-0{month}-01") for month in (2, 3, 1)))
    assert upload(kind="rates", text=text).counts == counts(3, new=3)
    assert versions() == IN_TURN
    assert upload(kind="rates", text=text).counts == counts(3, unchanged=3)


def test_a_stated_last_day_may_leave_a_gap_and_be_changed() -> None:
    upload(kind="rates", text=through(("2026-01-01", "2026-01-20"), ("2026-02-01", "")))
    assert versions() == [("2026-01-01", "2026-01-20"), ("2026-02-01", "")]
    assert upload(kind="rates", text=table("rates", rate("2026-01-01"))).counts == counts(1, unchanged=1)
    assert upload(kind="rates", text=through(("2026-01-01", "2026-01-25"))).counts == counts(1, changed=1)
    assert upload(kind="rates", text=through(("2026-01-01", ""))).counts == counts(1, changed=1)
    assert versions() == [("2026-01-01", "2026-01-31"), ("2026-02-01", "")]


@pytest.mark.parametrize("in_one_file", [True, False])
def test_a_stated_last_day_behind_the_successors_first_is_an_error(in_one_file: bool) -> None:
    rows = [("2026-02-01", ""), ("2026-01-01", "2026-02-01")]
    if not in_one_file:
        upload(kind="rates", text=through(rows.pop(0)))
    result = upload(kind="rates", text=through(*rows))
    reason = "The version is in force through 2026-02-01, but the next one starts on 2026-02-01."
    assert result.reasons == [(len(rows) + 1, "effective_through", reason)]


def test_a_version_inside_another_with_a_stated_last_day_is_an_error() -> None:
    upload(kind="rates", text=through(("2026-01-01", "2026-12-31")))
    result = upload(kind="rates", text=table("rates", rate("2026-06-01")))
    reason = "The version from 2026-01-01 is in force through 2026-12-31."
    assert result.reasons == [(2, "effective_from", reason)]


def test_a_stated_last_day_is_kept_though_a_successor_follows_on_the_next_day() -> None:
    quarters = [("2026-01-01", "2026-03-31"), ("2026-04-01", "2026-06-30")]
    upload(kind="rates", text=through(*quarters))
    reason = "The version from 2026-01-01 is in force through 2026-03-31."
    result = upload(kind="rates", text=through(("2026-02-01", "2026-02-28")))
    assert result.reasons == [(2, "effective_from", reason)]
    assert upload(kind="rates", text=through(("2026-01-01", ""))).counts == counts(1, unchanged=1)
    assert upload(kind="rates", text=through(("2026-02-01", "2026-02-28"))).is_applied
    assert versions() == [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), quarters[1]]


def test_a_version_left_out_leaves_the_one_in_the_database_to_be_checked_against() -> None:
    upload(kind="rates", text=through(("2026-01-01", "2026-06-30")))
    text = through(("2026-01-01", "2026-08-31"), ("2026-03-01", ""))
    result = upload(kind="rates", text=text, skip_errors=True)
    assert [line for line, _column, _reason in result.reasons] == [2, 3]
    assert versions() == [("2026-01-01", "2026-06-30")]


def test_sheets_of_other_names_do_not_meet() -> None:
    text = table("rates", rate("2026-01-01"), rate("2026-01-15", sheet="Europe"))
    assert upload(kind="rates", text=text).is_applied
    assert versions() == [("2026-01-01", ""), ("2026-01-15", "")]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("increment_seconds", ("6", "60")),
        ("minimum_seconds", ("", "60")),
        ("effective_through", ("", "2026-12-31")),
    ],
)
def test_rows_of_one_version_that_differ_are_errors_that_name_both_lines(column: str, values: tuple[str, str]) -> None:
    header = f"{COLUMNS['rates']},{column}"
    rows = [
        f"World,USD,2026-01-01,US,United States,{call_type},Inbound,1,{value}"
        for call_type, value in zip("abc", (*values, values[0]), strict=True)
    ]
    result = upload(kind="rates", text="\n".join([header, *rows, ""]))
    reason = f"Rows 2 and 3 give one version of the sheet different values of {column}."
    assert result.reasons == [(line, column, reason) for line in (2, 3, 4)]


def test_rows_of_one_usage_group_that_differ_in_its_name_are_errors() -> None:
    row = "World,USD,2026-01-01,{},{},voice,{},1"
    rows = [row.format("US", "USA", "Inbound"), row.format("US", "U.S.", "Outbound"), row.format("UK", "UK", "Inbound")]
    result = upload(kind="rates", text=table("rates", *rows))
    reason = "Rows 2 and 3 give one usage group different values of usage_group_display."
    assert result.reasons == [(line, "usage_group_display", reason) for line in (2, 3)]
    rows[1] = rows[1].replace("2026-01-01", "2027-01-01")
    assert upload(kind="rates", text=table("rates", *rows)).is_applied


def test_a_sheet_in_another_currency_than_its_subscriptions_is_refused() -> None:
    make_subscription(number="S-1", currency="EUR", rate_sheet=make_version(currency="EUR").rate_sheet)
    name = RateSheetVersion.objects.get().rate_sheet.name
    result = upload(kind="rates", text=table("rates", rate("2026-01-01", sheet=name)))
    reason = f"The rate sheet {name} is in EUR, as is subscription S-1, which has it. Write EUR, or name another sheet."
    assert result.reasons == [(2, "currency", reason)]


def test_what_belongs_to_the_version_changes_with_its_rows() -> None:
    upload(kind="rates", text=table("rates", rate(group="US"), rate(group="UK")))
    header = f"{COLUMNS['rates']},increment_seconds,minimum_seconds\n"
    assert upload(kind="rates", text=f"{header}{rate(group='US')},60,30\n").counts == counts(1, changed=1)
    version = RateSheetVersion.objects.get()
    assert (version.increment_seconds, version.minimum_seconds) == (60, 30)
    assert upload(kind="rates", text=table("rates", rate())).counts == counts(1, unchanged=1)
    assert upload(kind="rates", text=f"{header}{rate()},,\n").counts == counts(1, changed=1)
    version.refresh_from_db()
    assert (version.increment_seconds, version.minimum_seconds, version.effective_from) == (6, 0, date(2026, 1, 1))
    renamed = rate().replace("United States", "USA")
    assert upload(kind="rates", text=table("rates", renamed)).counts == counts(1, changed=1)
    assert UsageGroup.objects.get(code="US").display_name == "USA"
    assert Rate.objects.count() == 2
