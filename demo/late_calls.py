"""An upload that awaits a decision in the demo: late calls, some of them corrections, some with mistakes."""

import csv
import io
from collections.abc import Iterator, Sequence

from django.core.files.uploadedfile import SimpleUploadedFile

from billing.models import Account, Administrator
from demo.world import COLUMNS, Row
from usage.models import UploadKind
from usage.uploads.receive import receive_upload

SENT_BY = "ops@tallydesk.example"
NAME = "late-calls.csv"
_COLUMNS = COLUMNS["calls"][1:]  # the account is given for the whole file
LATE_CALLS = 40
_CHANGED = 6
# What people and spreadsheets do to a column: one mistake in each row.
_MISTAKES = {
    "direction": "outgoing",
    "start_time": "03/01/2026 09:14",
    "sip_call_id": "2.38E+18",
    "end_time": "2026-03-01T09:14:03",
}


def send_late_calls(account: Account, calls: Sequence[Row]) -> None:
    """Upload variants of these calls (rows of the demo) as platform staff, for a worker to check."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_late(calls))
    receive_upload(
        administrator=Administrator.objects.get(email=SENT_BY),
        kind=UploadKind.CALLS,
        account=account,
        file=SimpleUploadedFile(NAME, text.getvalue().encode(), "text/csv"),
    )


def _late(calls: Sequence[Row]) -> Iterator[Sequence[object]]:
    rows = [dict(zip(_COLUMNS, call[1:], strict=True)) for call in calls]
    for row in rows:
        yield list((row | {"sip_call_id": f"late-{row['sip_call_id']}"}).values())
    for row in rows[:_CHANGED]:
        yield list((row | {"destination": row["origin"], "origin": row["destination"]}).values())
    for (column, mistake), row in zip(_MISTAKES.items(), rows, strict=False):
        yield list((row | {"sip_call_id": f"wrong-{row['sip_call_id']}"} | {column: mistake}).values())
