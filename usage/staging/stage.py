"""Stage a file, check it in the database, and apply it in one transaction: all of it or nothing.

with stage(file, UploadContext(UploadKind.CALLS, account, now=timezone.now())) as staged:
    counts = staged.check()                      # what applying would do; may run hours earlier
    outcome = staged.apply(skip_errors=False)    # checks again, then writes
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Self

from django.db import IntegrityError, transaction
from psycopg import sql

from billing.broken_rules import broken_rule
from billing.models import DataVersion
from jobs.progress import NullReporter, ProgressReporter
from jobs.sql import execute_all, fetch_all, one_message
from usage.files.errors import RowError
from usage.files.raw_files import opened
from usage.locks import lock_accounts, lock_shared_tables, staged_file
from usage.models import Upload
from usage.resources import resource_of
from usage.resources.base import COMMA, UploadResource
from usage.resources.batches import Batch, UploadContext
from usage.resources.formats import Expression
from usage.staging import check, journal
from usage.staging.copy_raw_file import copy_raw_file
from usage.staging.error_files import first_errors, write_errors, write_rows_in_error
from usage.staging.headers import columns_of
from usage.staging.phases import Phase
from usage.staging.staged_tables import (
    columns_of_table,
    is_intact,
    restart_counter,
    rows_reached,
    statistics,
)

# Sort and hash a million rows in memory; the setting lasts until the end of the transaction.
_IN_MEMORY = sql.SQL("SET LOCAL work_mem = '128MB'")
# Below this size, about a thousand rows, creating unlogged tables costs more than logging the rows.
_SMALL_BYTES = 1 << 16
_FIELDS = {
    "rows": "rows",
    "new": "rows_new",
    "changed": "rows_changed",
    "unchanged": "rows_unchanged",
    "errors": "rows_in_error",
}


@dataclass(frozen=True)
class UploadCounts:
    """The counts of a file's rows. Each row is new, changed, unchanged or in error: the four add up to `rows`."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """Return the counts that an upload stored after its last check."""
        return cls(**{name: getattr(upload, field) or 0 for name, field in _FIELDS.items()})

    @property
    def fields(self) -> dict[str, int]:
        """The counts as fields of an upload."""
        return {field: getattr(self, name) for name, field in _FIELDS.items()}


@dataclass(frozen=True)
class UploadOutcome:
    """The result of applying a file. If it is not applied, nothing was written."""

    counts: UploadCounts
    is_applied: bool


class UploadRefusedError(Exception):
    """The database refused rows that had passed the check, because of a concurrent change. Nothing was applied."""


class Staged:
    """A staged file. Nothing here reads the raw file again.

    `columns` names the columns in the order of the file; `rows` is the number of rows. `is_checked` says that the
    tables hold the results of an earlier check.
    """

    def __init__(
        self,
        resource: UploadResource,
        batch: Batch,
        columns: Sequence[str],
        *,
        rows: int,
        reporter: ProgressReporter,
        is_checked: bool = False,
    ) -> None:
        self.resource = resource
        self.batch = batch
        self.columns = columns
        self.rows = rows
        self.is_checked = is_checked
        self._reporter = reporter
        self._is_kept = False

    def check(self) -> UploadCounts:
        """Check every row against the database as it is now, and count what applying would do."""
        with transaction.atomic():
            return self._check()

    def errors(self, limit: int) -> list[RowError]:
        """Return the first errors that the last check found, in the order of the file."""
        return first_errors(self.batch, limit)

    def write_errors(self, file: BinaryIO) -> None:
        """Write every error of the last check as CSV: line, column, value, reason."""
        write_errors(self.batch, file)

    def write_rows_in_error(self, file: BinaryIO) -> None:
        """Write the rows that the last check found in error as CSV: their cells, and a column of reasons."""
        write_rows_in_error(self.batch, self.columns, file)

    def versions(self) -> str:
        """Return the versions of all data that a check of this file reads."""
        return DataVersion.objects.of(self._account_ids())

    def lock(self) -> None:
        """Lock what this file is checked against until the end of the transaction, waiting for writers under way."""
        if self.resource.belongs_to_account:
            if self.batch.context.account is None:
                lock_accounts([])  # from here on, no upload adds or removes an account
            account_ids = self._named_accounts()
            lock_accounts(account_ids)
            DataVersion.objects.hold(account_ids)
        else:
            lock_shared_tables()
            DataVersion.objects.hold_alone()

    def apply(
        self,
        *,
        skip_errors: bool = False,
        known_errors: int | None = None,
        checked: UploadCounts | None = None,
        is_locked: bool = False,
    ) -> UploadOutcome:
        """Check again and write the rows in one transaction; if any is in error, write none.

        `skip_errors`: leave out the rows in error instead, unless they are all the rows.
        `known_errors`: the number of rows in error that were shown when skipping them was confirmed; if there are more
        now, nothing is written.
        `checked`: the counts of the last check, if nothing has changed since according to `versions()` under the lock.
        `is_locked`: the caller's transaction has called `lock()`.

        Raise UploadRefusedError when the database refuses the rows.
        """
        try:
            with transaction.atomic():
                if not is_locked:
                    self.lock()
                counts = checked or self._check()
                is_shown = known_errors is None or counts.errors <= known_errors
                is_applied = not counts.errors or (skip_errors and is_shown and counts.errors < counts.rows)
                if is_applied:
                    self._write(counts)
        except IntegrityError as error:
            raise UploadRefusedError(_refusal_sentence(error)) from error
        return UploadOutcome(counts, is_applied)

    def keep(self) -> None:
        """Leave the tables in place for a later step."""
        self._is_kept = True

    def drop(self) -> None:
        """Drop the tables of the file, unless they are kept for a later step."""
        if not self._is_kept:
            execute_all(self._drop(self.batch.staged, *self._checked_tables))

    @property
    def _checked_tables(self) -> Sequence[sql.Identifier]:
        batch = self.batch
        return [batch.rows, batch.errors, batch.repeats, batch.planned] if self.is_checked else []

    def _drop(self, *tables: sql.Identifier) -> Sequence[Expression]:
        return [sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join(tables))] if tables else []

    def _write(self, counts: UploadCounts) -> None:
        resource, batch = self.resource, self.batch
        if counts.new or counts.changed:
            DataVersion.objects.bump(*(self._written_accounts() if resource.belongs_to_account else [None]))
        self._count(Phase.APPLYING, counts.new + counts.changed)
        # Deferred constraints are checked here, so that their violations are refused here and not at the commit.
        execute_all(
            [
                _IN_MEMORY,
                *journal.before_statements(resource, batch),
                *resource.application(batch),
                *journal.after_statements(resource, batch),
                sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"),
                *resource.follow_up(batch),
                sql.SQL("SET CONSTRAINTS ALL DEFERRED"),
                *self._statistics_of_shared_tables(),
            ]
        )
        self._done(Phase.APPLYING, counts.new + counts.changed)

    def _statistics_of_shared_tables(self) -> Sequence[Expression]:
        """Return the statement that gives the planner statistics of the tables that all accounts share.

        Autovacuum does not analyze tables this small. Without statistics, a report that joins them to a million calls
        gets a plan that sorts the calls on disk.
        """
        models = {self.resource.model, *self.resource.journalled}
        shared = sorted(model._meta.db_table for model in models if model._meta.app_label == "billing")
        if not shared or self.resource.belongs_to_account:
            return []
        return [sql.SQL("ANALYZE {}").format(COMMA.join(map(sql.Identifier, shared)))]

    def _check(self) -> UploadCounts:
        resource, batch = self.resource, self.batch
        self._count(Phase.CHECKING, self.rows)
        findings = [_IN_MEMORY, *self._tables_anew(), check.findings_statement(batch)]
        ((has_faults, has_repeats),) = fetch_all(one_message(findings))
        faults = [check.errors_statement(resource, batch)] if has_faults else []
        repeats = check.split_repeats_statements(resource, batch) if has_repeats else []
        execute_all([*faults, *repeats, *resource.inconsistency_errors(batch)])
        while execute_all(resource.conflict_errors(batch)):
            pass  # leaving a row out can take from another row what it relied on
        last_statements = [
            *([check.repeated_errors_statement(batch)] if has_repeats else []),
            *resource.settle(batch),
            *statistics(batch.errors, self.rows),
            check.counts_statement(batch),
        ]
        ((rows, new, changed, errors),) = fetch_all(one_message(last_statements))
        self.is_checked = True
        self._done(Phase.CHECKING, rows)
        return UploadCounts(rows, new, changed, rows - new - changed - errors, errors)

    def _tables_anew(self) -> Sequence[Expression]:
        """Return the statements that create the tables of a check and replace those of an earlier one."""
        resource, batch = self.resource, self.batch
        return [
            *self._drop(*self._checked_tables),
            check.errors_table_statement(batch),
            check.rows_statement(resource, batch),
            *statistics(batch.rows, self.rows),
            check.repeats_statement(resource, batch),
        ]

    def _count(self, phase: Phase, rows: int) -> None:
        restart_counter(self.batch)
        self._reporter.expect(rows, phase=phase, measure=lambda: min(rows_reached(self.batch), rows))

    def _done(self, phase: Phase, rows: int) -> None:
        self._reporter.expect(rows, phase=phase)
        self._reporter.report_rows(rows)

    def _account_ids(self) -> list[int] | None:
        """Return the accounts whose data a check reads; None means all."""
        if not self.resource.belongs_to_account:
            return []
        return [self.batch.context.account.pk] if self.batch.context.account else None

    def _named_accounts(self) -> list[int]:
        if self.batch.context.account is not None:
            return [self.batch.context.account.pk]
        return [number for (number,) in fetch_all(check.account_codes(self.resource, self.batch))]

    def _written_accounts(self) -> list[int]:
        if self.batch.context.account is not None:
            return [self.batch.context.account.pk]
        written = sql.SQL("SELECT DISTINCT r.account_id FROM {} r WHERE r.state <> 'unchanged' AND {}")
        return [number for (number,) in fetch_all(written.format(self.batch.rows, self.batch.applicable))]


@contextmanager
def stage(file: BinaryIO, context: UploadContext, *, reporter: ProgressReporter | None = None) -> Iterator[Staged]:
    """Read a seekable CSV or XLSX file into the database; drop its tables when the context ends, unless kept.

    Raise FileRefusedError, which names every error of the header, or the row after which nothing can be read.
    """
    resource, reporter = resource_of(context.kind), reporter or NullReporter()
    reporter.expect(None, phase=Phase.READING)
    with opened(file) as source:
        columns = columns_of(resource, source, context.account)
        size = source.file.seek(0, os.SEEK_END)
        batch = Batch(f"upload_{secrets.token_hex(8)}", frozenset(columns), context, is_small=size < _SMALL_BYTES)
        with staged_file(batch.table):
            staged = Staged(resource, batch, columns, rows=0, reporter=reporter)
            try:
                reporter.expect(size, phase=Phase.READING, measure=source.file.tell)
                staged.rows = copy_raw_file(source, batch, columns)
                yield staged
            finally:
                reporter.expect(None)
                staged.drop()


@contextmanager
def reopened(
    table: str, context: UploadContext, *, rows: int, reporter: ProgressReporter | None = None
) -> Iterator[Staged | None]:
    """Yield what `stage` read and `check` found earlier, or None if the tables no longer hold it; then drop them."""
    with staged_file(table):
        columns = columns_of_table(table)
        batch = Batch(table, frozenset(columns), context)
        staged = Staged(
            resource_of(context.kind), batch, columns, rows=rows, reporter=reporter or NullReporter(), is_checked=True
        )
        try:
            yield staged if columns and is_intact(batch, rows) else None
        finally:
            staged.drop()


def _refusal_sentence(error: IntegrityError) -> str:
    return f"The database refused the rows, and nothing was applied. {broken_rule(error)} Try again."
