"""Write usage files as text, and upload them as the command and the worker do."""

import io
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from billing.models import Account
from tests.factories import instant
from usage.files.errors import FileNotice, RowError
from usage.models import UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import UploadCounts, stage

NOW = instant("2026-06-15T12:00")
COLUMNS = {
    "calls": "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time",
    "rates": "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute",
    "sessions": "session_id,entity,charge,started_at,ended_at",
    "subscriptions": "number,account,activation_date,currency,rate_sheet",
}


@dataclass(frozen=True)
class Result:
    """The result of an upload: counts of rows, whether it was applied, errors, notices, and the CSV files of them."""

    counts: UploadCounts
    is_applied: bool
    errors: list[RowError]
    notices: list[FileNotice]
    errors_csv: str
    notices_csv: str
    rows_in_error: bytes

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        """Return (line, column, reason) of each error."""
        return [(error.line, error.column, error.reason) for error in self.errors]

    @property
    def noticed(self) -> list[tuple[int, str]]:
        """Return (line, reason) of each notice."""
        return [(notice.line, notice.reason) for notice in self.notices]


def upload(
    *,
    kind: str,
    text: str | bytes | BinaryIO,
    account: Account | None = None,
    skip_errors: bool = False,
    allows_notices: bool = True,
    creates_users: bool = False,
    now: datetime = NOW,
) -> Result:
    """Stage, check and apply a file."""
    data = text.encode() if isinstance(text, str) else text
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    with stage(source, UploadContext(UploadKind(kind), account, now, creates_users=creates_users)) as staged:
        outcome = staged.apply(skip_errors=skip_errors, allows_notices=allows_notices)
        errors, notices = staged.errors(1000), staged.notices(1000)
        errors_csv, notices_csv, rows = io.BytesIO(), io.BytesIO(), io.BytesIO()
        staged.write_errors(errors_csv)
        staged.write_notices(notices_csv)
        staged.write_rows_in_error(rows)
    assert len(notices) == outcome.counts.notices
    return Result(
        counts=replace(outcome.counts, notices=0),
        is_applied=outcome.is_applied,
        errors=errors,
        notices=notices,
        errors_csv=errors_csv.getvalue().decode(),
        notices_csv=notices_csv.getvalue().decode(),
        rows_in_error=rows.getvalue(),
    )


def table(kind: str, *rows: str) -> str:
    """Return a file with the usual header of a kind, and rows."""
    return "\n".join([COLUMNS[kind], *rows, ""])


def counts(rows: int, *, new: int = 0, changed: int = 0, unchanged: int = 0, errors: int = 0) -> UploadCounts:
    """Return the counts of a file, of which most are 0."""
    return UploadCounts(rows, new, changed, unchanged, errors)
