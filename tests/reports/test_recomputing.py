"""Voice Usage recomputed from its own cells: duration, billed seconds and cost follow from what the row shows."""

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from billing.models import Subscription
from demo.load import Demo
from demo.rates import RATE_SHEETS
from reports import formats, types
from reports.engine.write import scope_of
from tests.report_files import make_scope, write
from tests.usage_files import table, upload

pytestmark = pytest.mark.django_db

Row = Mapping[str, str]
FILLED_BY_RATING = (
    *("Adjusted Duration (seconds)", "Adjusted Duration (minutes)", "Usage Rate Per Minute"),
    *("Total cost", "Currency", "Rate Sheet"),
)
SECOND = timedelta(seconds=1)
LOADED_ON = date(2026, 11, 22)


def rows_of(content: bytes, file_format: str = "csv") -> list[Row]:
    """The cells as text of CSV, by their headings."""
    columns = types.by_slug("voice-usage").columns
    headings = [column.heading for column in columns]
    rows = formats.by_slug(file_format).read(io.BytesIO(content), columns)
    return [dict(zip(headings, (cell or "" for cell in row), strict=True)) for row in rows]


def duration(row: Row) -> int:
    """The seconds from start to end, a started one counted."""
    start, end = (datetime.strptime(row[name], "%Y-%m-%dT%H:%M:%S.%fZ") for name in ("Start time", "End Time"))  # noqa: DTZ007
    return -((start - end) // SECOND)


def adjusted(seconds: int, increment: int, minimum: int) -> int:
    """The billed seconds: the minimum as one block, then each started increment."""
    if seconds == 0:
        return 0
    beyond = Fraction(max(seconds - minimum, 0), increment)
    return minimum + -(-beyond // 1) * increment


def cost(row: Row) -> str:
    exact = Decimal(row["Usage Rate Per Minute"]) * Decimal(row["Adjusted Duration (seconds)"]) / 60
    return f"{exact.quantize(Decimal('0.0001'), ROUND_HALF_UP):f}"


def assert_follows_from_itself(row: Row, blocks: Mapping[str, tuple[int, int]]) -> None:
    """Check a row; `blocks` are the increment and minimum of each rate sheet."""
    assert int(row["Duration (Seconds)"]) == duration(row), row
    if not row["Total cost"]:
        assert {row[name] for name in FILLED_BY_RATING} == {""}, row
        return
    increment, minimum = blocks[row["Rate Sheet"]]
    seconds = adjusted(int(row["Duration (Seconds)"]), increment, minimum)
    assert int(row["Adjusted Duration (seconds)"]) == seconds, row
    minutes = (Decimal(seconds) / 60).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert Decimal(row["Adjusted Duration (minutes)"]) == minutes, row
    assert row["Total cost"] == cost(row), row


def test_every_call_of_the_demo_can_be_recomputed_from_its_row() -> None:
    now = datetime.combine(LOADED_ON, time(0, 1), tzinfo=UTC)
    Demo(seed=1, scale=0.02, today=LOADED_ON, now=now, say=lambda _line: None).load()
    blocks = {sheet.name: (sheet.increment_seconds, sheet.minimum_seconds) for sheet in RATE_SHEETS}
    rated, cut, discounted = 0, 0, 0
    for subscription in Subscription.objects.all():
        if (days := subscription.contract.available(LOADED_ON)) is None:
            continue
        content, _written = write("voice-usage", scope_of(subscription, days, LOADED_ON))
        for row in rows_of(content):
            assert_follows_from_itself(row, blocks)
            rated += bool(row["Total cost"])
            cut += not row["Start time"].endswith(".000Z")
            discounted += len(row["Usage Rate Per Minute"].partition(".")[2]) > 4
    assert rated > 200
    assert cut  # calls that seconds alone would not explain
    assert discounted


@pytest.mark.parametrize("file_format", [it.slug for it in formats.all_formats()])
def test_a_discounted_rate_is_shown_as_it_is_multiplied(file_format: str) -> None:
    upload(kind="accounts", text="code,name\nACME,Acme\n")
    rate = "DECK,USD,2026-01-01,US,United States,voice,Outbound,{},{},{}"
    header = table("rates").strip() + ",increment_seconds,minimum_seconds\n"
    upload(kind="rates", text=header + rate.format("0.333333", 6, 30) + "\n")
    columns = "number,account,activation_date,currency,rate_sheet,telco_commit_percent"
    upload(kind="subscriptions", text=f"{columns}\nS-1,ACME,2026-01-01,USD,DECK,33.33\n")
    ends = ["09:00:00.250", "09:00:00.251", "09:00:01.250", "09:00:30.251", "09:00:36.2504", "11:14:07.001"]
    calls = [
        f"ACME,c{number},1,2,US,voice,Outbound,2026-02-01T09:00:00.250Z,2026-02-01T{end}Z"
        for number, end in enumerate(ends)
    ]
    assert upload(kind="calls", text="\n".join(["account," + table("calls").strip(), *calls])).is_applied

    scope = make_scope(Subscription.objects.get(), "2026-02-01", today="2026-03-01")
    rows = rows_of(write("voice-usage", scope, file_format=file_format)[0], file_format)

    assert [row["End Time"][11:] for row in rows] == [f"{end[:12]}Z" for end in ends]
    assert {row["Start time"] for row in rows} == {"2026-02-01T09:00:00.250Z"}
    assert {row["Usage Rate Per Minute"] for row in rows} == {"0.222233"}  # 0.2222331111
    assert [row["Adjusted Duration (seconds)"] for row in rows] == ["0", "30", "30", "36", "36", "8052"]
    for row in rows:
        assert_follows_from_itself(row, {"DECK": (6, 30)})
