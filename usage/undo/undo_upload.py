"""Undoing an upload: its new rows are removed and its changed rows restored, unless something blocks that."""

from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from django.db import IntegrityError, OperationalError, transaction
from django.db.models.functions import Now
from psycopg import sql

from billing.broken_rules import broken_rule
from billing.models import Account, DataVersion
from jobs.progress import NullReporter, ProgressReporter
from jobs.sql import execute_all, fetch_all, fetch_value
from usage.locks import lock_accounts, lock_shared_tables
from usage.models import Call, Upload, UploadKind
from usage.rating import rate_restored_calls, rate_unrated_calls
from usage.staging.journalled_rows import WrittenTable, names_of_columns, of_upload, tables_of
from usage.staging.phases import Phase
from usage.undo.blockers import blockers, is_complete, unjournalled
from usage.undo.ratings_since import rated_itself, unrating

SECONDS_FOR_A_PAGE = 5
# From this many rows on, looking up each one is a bad plan. The planner may still choose it, because it has no
# statistics of a journal that was just written.
_MANY_ROWS = 5_000

_LOCK_NEW: LiteralString = "SELECT FROM {table} WHERE id IN ({new}) FOR UPDATE"
_RESTORE: LiteralString = """
UPDATE {table} t SET {set} FROM {changes} c JOIN {table} was ON was.id = c.row_id
CROSS JOIN LATERAL jsonb_populate_record(was, {before}) r
WHERE c.upload_id = {upload} AND c.relation = {relation} AND c.before IS NOT NULL AND t.id = c.row_id
"""
_PUT_BACK: LiteralString = """
INSERT INTO {table} (id, {columns}) SELECT c.row_id, {values}
FROM {changes} c CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, c.before) r
WHERE c.upload_id = {upload} AND c.relation = {relation} AND c.before IS NOT NULL AND c.after IS NULL
"""
# An unrated call is rated again, or gets the version that is in force now: the one that it had may be gone.
_BEFORE_OF_CALL: LiteralString = """
CASE WHEN c.before ->> 'rate_per_minute' IS NULL THEN c.before || '{{"rate_sheet_version_id": null}}' ELSE c.before END
"""


class UndoRefusedError(Exception):
    """Raised when the upload cannot be undone; the message gives the reasons in sentences. Nothing was changed."""


@dataclass(frozen=True)
class UndoPlan:
    """What undoing an upload does.

    `removed` counts rows by kind (`("users", 3)`), `restored` changed rows, `rerated` calls that lose the rating that
    the upload gave them. `blockers` are sentences that say why it cannot be undone. `is_unknown` is set when there were
    too many rows to find out in time; undoing then finds out for itself.
    """

    removed: list[tuple[str, int]] = field(default_factory=list)
    restored: int = 0
    rerated: int = 0
    blockers: list[str] = field(default_factory=list)
    is_unknown: bool = False

    @property
    def is_possible(self) -> bool:
        return not self.blockers


def plan(upload: Upload) -> UndoPlan:
    """Return what undoing the upload would do now, without writing or locking anything."""
    if reason := unjournalled(upload):
        return UndoPlan(blockers=[reason])
    with transaction.atomic():
        _expect_many_rows(upload)
        return _plan(upload)


def plan_at_once(upload: Upload) -> UndoPlan:
    """Return the plan within the time that a page may take; unknown if that is too short."""
    try:
        with transaction.atomic():
            execute_all(
                [sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(f"{SECONDS_FOR_A_PAGE * 1000:.0f}ms"))]
            )
            return plan(upload)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            return UndoPlan(is_unknown=True)
        raise


def _plan(upload: Upload) -> UndoPlan:
    counts = {table: table.counts() for table in tables_of(upload)}
    if not is_complete(upload, counts):
        return UndoPlan(blockers=["Its changes were not recorded in full, so it cannot be undone."])
    return UndoPlan(
        removed=[(table.named(found.new), found.new) for table, found in counts.items() if found.new],
        restored=sum(found.changed for found in counts.values()),
        rerated=rated_itself(upload),
        blockers=list(blockers(upload, counts)),
    )


def undo(upload: Upload, *, reporter: ProgressReporter | None = None) -> UndoPlan:
    """Undo the upload in one transaction, and return what was done.

    Raises UndoRefusedError, with every blocker; then nothing is changed.
    """
    reporter = reporter or NullReporter()
    try:
        with transaction.atomic():
            _lock(upload)
            upload.refresh_from_db(fields=["applied_at", "undone_at", "file", "rows_new", "rows_changed"])
            done = plan(upload)
            if not done.is_possible:
                raise UndoRefusedError(" ".join(done.blockers))
            rows = sum(number for _label, number in done.removed) + done.restored
            reporter.expect(None, phase=Phase.UNDOING)
            _write(upload)
            reporter.expect(rows, phase=Phase.UNDOING)
            reporter.report_rows(rows)
    except IntegrityError as error:
        raise UndoRefusedError(
            f"The restored rows would conflict with what was written since. {broken_rule(error)}"
        ) from error
    return done


def _expect_many_rows(upload: Upload) -> None:
    """Plan for many rows in the rest of the transaction, if there are many."""
    records = of_upload(upload, "SELECT count(*) FROM {changes} c WHERE c.upload_id = {upload}")
    if (upload.rows_new or 0) + fetch_value(records) >= _MANY_ROWS:
        execute_all([sql.SQL("SET LOCAL enable_nestloop = off"), sql.SQL("SET LOCAL work_mem = '128MB'")])


def _lock(upload: Upload) -> None:
    """Take the locks that applying takes, before the first row is written."""
    if not UploadKind(upload.kind).belongs_to_account:
        lock_shared_tables()
        DataVersion.objects.bump(None)
        # Waits for those who are about to refer to a row that will be removed, so that they are found.
        execute_all([table.format(_LOCK_NEW, new=table.new) for table in tables_of(upload)])
        return
    account_ids = [upload.account_id] if upload.account_id else _account_ids(upload)
    lock_accounts(account_ids)
    DataVersion.objects.hold(account_ids)
    DataVersion.objects.bump(*account_ids)


def _account_ids(upload: Upload) -> list[int]:
    """Return the accounts of its rows. Rows that later uploads wrote are left out: they block undoing anyway."""
    queries = [
        table.format("SELECT t.account_id FROM {table} t WHERE t.upload_id = {upload}") for table in tables_of(upload)
    ]
    return [number for (number,) in fetch_all(sql.SQL(" UNION ").join(queries))]


def _write(upload: Upload) -> None:
    tables = tables_of(upload)
    execute_all(unrating(upload))
    for table in tables:
        if table.model is Account:  # its data version goes with it
            execute_all(
                [
                    table.format(
                        "DELETE FROM {versions} WHERE account_id IN ({new})",
                        new=table.new,
                        versions=sql.Identifier(DataVersion._meta.db_table),
                    )
                ]
            )
        execute_all([table.format("DELETE FROM {table} WHERE id IN ({new})", new=table.new)])
    for table in tables:
        execute_all([_restore(table)])
        if table.is_journalled:
            execute_all([_put_back(table)])
    if UploadKind(upload.kind) == UploadKind.CALLS:
        rate_restored_calls(upload.pk)
    elif UploadKind(upload.kind) in {UploadKind.RATES, UploadKind.SUBSCRIPTIONS}:
        rate_unrated_calls()
    execute_all([of_upload(upload, "DELETE FROM {changes} WHERE upload_id = {upload}")])
    # Keys that are checked at the end of a transaction are checked here, to be refused here.
    execute_all([sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"), sql.SQL("SET CONSTRAINTS ALL DEFERRED")])
    Upload.objects.filter(pk=upload.pk).update(undone_at=Now())


def _restore(table: WrittenTable) -> sql.Composed:
    """Restore the values on the current row, so that columns added since keep their values."""
    columns = [sql.Identifier(name) for name in names_of_columns(table.model)]
    return table.format(
        _RESTORE,
        set=sql.SQL(", ").join(sql.SQL("{0} = r.{0}").format(column) for column in columns),
        before=sql.SQL(_BEFORE_OF_CALL).format() if table.model is Call else sql.SQL("c.before"),
    )


def _put_back(table: WrittenTable) -> sql.Composed:
    columns = [sql.Identifier(name) for name in names_of_columns(table.model)]
    return table.format(
        _PUT_BACK,
        columns=sql.SQL(", ").join(columns),
        values=sql.SQL(", ").join(sql.SQL("r.{}").format(column) for column in columns),
    )
