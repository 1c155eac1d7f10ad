"""The descriptions of columns, and the template files."""

import csv
import io

import pytest

from tests.usage_files import counts, upload
from usage.models import Call, LoginSession, UploadKind
from usage.resources import resource_of
from usage.resources.examples import columns_of, example_file

FORMATS = ["csv", "xlsx"]


@pytest.mark.parametrize("kind", UploadKind)
def test_every_column_is_described_and_has_an_example(kind: UploadKind) -> None:
    columns = columns_of(kind)
    assert [column.name for column in columns] == [column.name for column in resource_of(kind).columns]
    for column in columns:
        assert column.example, column.name
        assert column.description[0].isupper(), column.name
        assert column.description.endswith("."), column.name
        assert ("May be absent" in column.description) == (not column.is_required), column.name


@pytest.mark.parametrize(
    ("kind", "name", "also_called", "is_required", "description"),
    [
        ("charges", "name", "Charge Name", True, "Text of at most 255 characters."),
        ("charges", "basis", "", True, "One of: named, concurrent, hourly, device."),
        ("subscriptions", "account", "", True, "The code of an account."),
        (
            "subscriptions",
            "cycle_policy",
            "",
            False,
            "One of: through_anniversary, before_anniversary. May be absent or empty; default through_anniversary.",
        ),
        (
            "subscriptions",
            "telco_commit_percent",
            "",
            False,
            (
                "A percentage from 0 to 100 with at most 4 decimals, such as 12.5 or 12.5%. May be absent or empty. "
                "It holds for the whole subscription."
            ),
        ),
        ("users", "email", "User", True, "An e-mail address."),
        (
            "sessions",
            "account",
            "",
            False,
            "The code of an account. May be absent or empty. If so, the account chosen for the whole file applies.",
        ),
        (
            "sessions",
            "ended_at",
            "",
            True,
            (
                "A date and time such as 2026-03-01T09:14:03Z, or with an offset such as +02:00. May be empty. Empty "
                "means still logged in."
            ),
        ),
        (
            "sessions",
            "billable",
            "",
            False,
            "Either true or false, 1 or 0, or yes or no. May be absent or empty; default true.",
        ),
        ("resource_usage", "quantity", "", True, "A decimal number, 0 or more, with at most 6 decimals."),
        ("rates", "currency", "", True, "A code of three capital letters, such as USD."),
        (
            "rates",
            "increment_seconds",
            "",
            False,
            (
                "A whole number, 1 or more. May be absent or empty; default 6. Durations are rounded up to a multiple "
                "of this."
            ),
        ),
        (
            "calls",
            "sip_call_id",
            "",
            True,
            "Text of at most 255 characters; in a spreadsheet, a column formatted as text.",
        ),
    ],
)
def test_the_descriptions_follow_from_the_formats(
    kind: str, name: str, also_called: str, is_required: bool, description: str
) -> None:
    column = next(column for column in columns_of(UploadKind(kind)) if column.name == name)
    assert column[:4] == (name, also_called, is_required, description)


@pytest.mark.parametrize("kind", UploadKind)
def test_the_example_begins_with_the_examples_of_the_columns(kind: UploadKind) -> None:
    header, first, *further = csv.reader(io.StringIO(example_file(kind, "csv").decode()))
    assert list(zip(header, first, strict=True)) == [(column.name, column.example) for column in columns_of(kind)]
    assert 1 <= len(further) <= 2
    assert {len(row) for row in further} == {len(header)}


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_examples_arrive_one_after_the_other_and_change_nothing_the_second_time(file_format: str) -> None:
    for kind in UploadKind:
        result = upload(kind=kind, text=example_file(kind, file_format))
        rows = result.counts.rows
        assert (result.errors, result.counts, result.is_applied) == ([], counts(rows, new=rows), True), kind
    for kind in UploadKind:
        result = upload(kind=kind, text=example_file(kind, file_format))
        assert result.counts == counts(result.counts.rows, unchanged=result.counts.rows), kind
    # The templates fit together: the calls are rated.
    assert not Call.objects.unrated().exists()
    assert LoginSession.objects.filter(ended_at=None).count() == 1


@pytest.mark.django_db
def test_both_files_of_a_kind_say_the_same() -> None:
    for kind in UploadKind:
        assert upload(kind=kind, text=example_file(kind, "csv")).is_applied, kind
    for kind in UploadKind:
        result = upload(kind=kind, text=example_file(kind, "xlsx"))
        assert result.counts == counts(result.counts.rows, unchanged=result.counts.rows), kind
