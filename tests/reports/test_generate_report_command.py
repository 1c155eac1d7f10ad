"""`manage.py generate_report`: its files, its output and its exit status."""

import stat
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command

from billing.models import Subscription
from reports import formats, types
from reports.engine.report_type import ReportType
from tests.factories import make_resource_usage, make_subscription
from tests.report_readers import READERS, read_sheets
from usage.models import Resource

# The command opens its own snapshot, in a transaction that cannot be nested.
pytestmark = pytest.mark.django_db(transaction=True)

LINES = ["Date,Resource,Quantity,Unit", "2017-11-22,SMS,1,message", "2017-11-23,SMS,2,message"]


@pytest.fixture
def subscription() -> Subscription:
    subscription = make_subscription(number="SUB-1", activation_date=date(2017, 10, 21))
    sms = Resource.objects.create(name="SMS", unit="message")
    for day, quantity in [(22, "1"), (23, "2"), (24, "3")]:
        make_resource_usage(account=subscription.account, resource=sms, used_on=date(2017, 11, day), quantity=quantity)
    return subscription


def generate_report(report_type: str, output: Path, *arguments: str) -> str:
    """Run it on 24 November 2017; return what it writes to stderr."""
    stderr = StringIO()
    with time_machine.travel("2017-11-24T12:00:00Z", tick=False):
        call_command("generate_report", report_type, "--output", str(output), *arguments, stderr=stderr)
    return stderr.getvalue()


def test_without_days_it_covers_the_current_cycle_so_far(subscription: Subscription, tmp_path: Path) -> None:
    said = generate_report("resource-usage", tmp_path / "report.csv", "--subscription", "SUB-1")

    assert (tmp_path / "report.csv").read_text().splitlines() == LINES
    assert said == (f"Resources Usage of SUB-1, 2017-11-22 through 2017-11-23: 2 rows in {tmp_path / 'report.csv'}.\n")


@pytest.mark.parametrize("slug", [file_format.slug for file_format in formats.all_formats()])
def test_it_writes_every_format(subscription: Subscription, tmp_path: Path, slug: str) -> None:
    generate_report("resource-usage", tmp_path / "report", "--subscription", "SUB-1", "--format", slug)

    assert READERS[slug]((tmp_path / "report").read_bytes())[0] == LINES[0].split(",")


def test_it_adds_the_totals_to_a_workbook_alone(subscription: Subscription, tmp_path: Path) -> None:
    arguments = ("--subscription", "SUB-1", "--totals-sheet", "--format")

    generate_report("resource-usage", tmp_path / "report.xlsx", *arguments, "xlsx")

    sheets = read_sheets((tmp_path / "report.xlsx").read_bytes())
    assert list(sheets) == ["Data", "Totals"]
    assert sheets["Totals"][1:3] == [["Rows", 2.0, "", ""], ["Sum of Quantity", 3.0, "", "SMS"]]
    with pytest.raises(CommandError, match="CSV has no place for the totals") as refusal:
        generate_report("resource-usage", tmp_path / "report.csv", *arguments, "csv")
    assert refusal.value.returncode == 2
    assert not (tmp_path / "report.csv").exists()


def test_it_replaces_a_file_as_a_whole_and_leaves_nothing_beside_it(subscription: Subscription, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("the old one")

    generate_report(
        "resource-usage",
        tmp_path / "report.csv",
        *("--subscription", "SUB-1", "--from", "2017-11-22", "--through", "2017-11-22", "--format", "csv"),
    )

    assert (tmp_path / "report.csv").read_text().splitlines() == LINES[:2]
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
    assert stat.S_IMODE((tmp_path / "report.csv").stat().st_mode) & 0o600 == 0o600


@pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)
def test_it_writes_every_type_of_report(report_type: ReportType, subscription: Subscription, tmp_path: Path) -> None:
    generate_report(report_type.slug, tmp_path / "report.csv", "--subscription", "SUB-1")

    heading = ",".join(column.heading for column in report_type.columns)
    assert (tmp_path / "report.csv").read_text().splitlines()[0] == heading


@pytest.mark.parametrize(
    ("report_type", "arguments", "status", "sentence"),
    [
        (
            "phone-bill",
            "--subscription SUB-1",
            2,
            "There is no report type 'phone-bill'. Choose one of: billable-usage, concurrent-usage, resource-usage, ",
        ),
        ("voice-usage", "--subscription SUB-1 --format doc", 2, "There is no format 'doc'. Choose one of: csv"),
        ("voice-usage", "--subscription SUB-9", 2, "There is no subscription 'SUB-9'."),
        ("voice-usage", "--subscription SUB-1 --from 2017-11-22", 2, "Give --from and --through together"),
        ("voice-usage", "--subscription SUB-1 --through 2017-11-22", 2, "Give --from and --through together"),
        ("voice-usage", "--subscription SUB-1 --from 22.11.2017 --through 2017-11-23", 2, "'22.11.2017' is not a day"),
        (
            "voice-usage",
            "--subscription SUB-1 --from 2017-11-23 --through 2017-11-22",
            2,
            "The range begins on 2017-11-23, after it ends on 2017-11-22.",
        ),
        (
            "voice-usage",
            "--subscription SUB-1 --from 2017-11-22 --through 2017-11-24",
            1,
            "data is available from 2017-10-21 through 2017-11-23.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    report_type: str, arguments: str, status: int, sentence: str, subscription: Subscription, tmp_path: Path
) -> None:
    with pytest.raises(CommandError) as refusal:
        generate_report(report_type, tmp_path / "report.csv", *arguments.split())

    assert refusal.value.returncode == status
    assert sentence in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_on_the_activation_day_it_says_when_there_will_be_usage(tmp_path: Path) -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 11, 24))

    with pytest.raises(CommandError, match="usage appears on the following day"):
        generate_report("voice-usage", tmp_path / "report.csv", "--subscription", "SUB-1")


@pytest.mark.parametrize("output", ["missing/report.csv", "folder", "file/report.csv", "link"])
def test_where_no_file_can_be_nothing_is_left(output: str, subscription: Subscription, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/dev/null")

    with pytest.raises(CommandError, match="cannot be written") as refusal:
        generate_report("voice-usage", tmp_path / output, "--subscription", "SUB-1")

    assert refusal.value.returncode == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "link"]


def test_a_report_that_fails_on_the_way_leaves_the_old_file_and_nothing_beside_it(
    subscription: Subscription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_space(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "report.csv").write_text("the old one")
    monkeypatch.setattr("os.fsync", run_out_of_space)

    with pytest.raises(CommandError, match="cannot be written: No space left on device"):
        generate_report("voice-usage", tmp_path / "report.csv", "--subscription", "SUB-1")

    assert (tmp_path / "report.csv").read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
