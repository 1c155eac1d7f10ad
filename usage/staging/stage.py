"""The way of an upload: staged, checked in the database, applied in one transaction, all of it or nothing.

with stage(file, UploadContext(UploadKind.CALLS, account, now=timezone.now())) as staged:
    counts = staged.check()                      # what would happen; may be hours before
    outcome = staged.apply(skip_errors=False)    # checks again, then writes
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Self

import psycopg
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from psycopg import sql

from billing.models import DataVersion
from jobs.progress import NullReporter, ProgressReporter
from usage.files.errors import RowError
from usage.files.raw_files import opened
from usage.locks import lock_accounts, lock_shared_tables, staged_file
from usage.models import Upload
from usage.resources import resource_of
from usage.resources.base import COMMA, UploadResource
from usage.resources.batches import Batch, UploadContext
from usage.resources.formats import Expression
from usage.staging import check, journal
from usage.staging.copy_cells import copy_cells
from usage.staging.error_files import first_errors, write_errors, write_rows_in_error
from usage.staging.headers import columns_of
from usage.staging.phases import Phase
from usage.staging.staged_tables import (
    columns_of_table,
    counted,
    is_intact,
    restart_counter,
    run,
    run_and_fetch,
    statistics,
)

# Sort and hash a million rows in memory, which is given back at the end of the transaction.
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
class Counts:
    """The rows of a file; those in error are in no other number, and the five add up."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """What an upload says that its last check found."""
        return cls(**{name: getattr(upload, field) or 0 for name, field in _FIELDS.items()})

    @property
    def fields(self) -> dict[str, int]:
        """The same as fields of an upload."""
        return {field: getattr(self, name) for name, field in _FIELDS.items()}


@dataclass(frozen=True)
class Outcome:
    """What became of a file. Not applied: nothing of it was written."""

    counts: Counts
    is_applied: bool


class UploadRefusedError(Exception):
    """The database refused rows that were found good: something changed at the same moment. Nothing was applied."""


class Staged:
    """A file whose rows lie in the database as text. Nothing here reads the file again.

    `columns`: their names, in the order of the file. `rows`: how many there are. `is_checked`: the tables hold what an
    earlier check found.
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

    def check(self) -> Counts:
        """Check every row against the database as it is now, and count what applying would do."""
        with transaction.atomic():
            return self._check()

    def errors(self, limit: int) -> list[RowError]:
        """The first errors that the last check found, in the order of the file."""
        return first_errors(self.batch, limit)

    def write_errors(self, file: BinaryIO) -> None:
        """Write every error of the last check as CSV: line, column, value, reason."""
        write_errors(self.batch, file)

    def write_rows_in_error(self, file: BinaryIO) -> None:
        """Write the rows of the last check's errors as CSV: their cells, and a column of reasons."""
        write_rows_in_error(self.batch, self.columns, file)

    def versions(self) -> str:
        """The versions of all data that a check of this file looks at."""
        return DataVersion.objects.of(self._account_ids())

    def lock(self) -> None:
        """Wait for those who write what this file is checked against, and let none begin; inside a transaction."""
        if self.resource.belongs_to_account:
            if self.batch.context.account is None:
                lock_accounts([])  # from here on, no account comes or goes by upload
            account_ids = self._named_accounts()
            lock_accounts(account_ids)
            DataVersion.objects.hold(account_ids)
        else:
            lock_shared_tables()

    def apply(
        self,
        *,
        skip_errors: bool = False,
        known_errors: int | None = None,
        checked: Counts | None = None,
        is_locked: bool = False,
    ) -> Outcome:
        """Check again and write the rows in one transaction; none if one is in error, unless those are left out.

        `known_errors`: so many rows in error were shown to who leaves them out; with more of them, nothing is written.
        `checked`: what the last check counted, where nothing has changed since, as `versions()` says under the lock.
        `is_locked`: the caller's transaction has called `lock()`.
        Raises UploadRefusedError when the database refuses the rows.
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
        return Outcome(counts, is_applied)

    def keep(self) -> None:
        """Leave the tables to whoever goes on with them."""
        self._is_kept = True

    def drop(self) -> None:
        """Remove the tables of the file, unless they were left to somebody."""
        if not self._is_kept:
            run(self._drop(self.batch.cells, *self._checked_tables))

    @property
    def _checked_tables(self) -> Sequence[sql.Identifier]:
        """Return the tables that a check has left."""
        batch = self.batch
        return [batch.rows, batch.errors, batch.repeats, batch.planned] if self.is_checked else []

    def _drop(self, *tables: sql.Identifier) -> Sequence[Expression]:
        return [sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join(tables))] if tables else []

    def _write(self, counts: Counts) -> None:
        resource, batch = self.resource, self.batch
        if counts.new or counts.changed:
            DataVersion.objects.bump(*(self._written_accounts() if resource.belongs_to_account else [None]))
        self._count(Phase.APPLYING, counts.new + counts.changed)
        # Keys that are checked at the end of a transaction are checked before that, to be refused here.
        run(
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
        """Return the statement that gives the planner statistics of the tables that all share.

        Small as they are, the database does not see to it by itself.

        Without it the plan of a report that joins them to a million calls sorts these on disk.
        """
        models = {self.resource.model, *self.resource.recorded}
        shared = sorted(model._meta.db_table for model in models if model._meta.app_label == "billing")
        if not shared or self.resource.belongs_to_account:
            return []
        return [sql.SQL("ANALYZE {}").format(COMMA.join(map(sql.Identifier, shared)))]

    def _check(self) -> Counts:
        resource, batch = self.resource, self.batch
        self._count(Phase.CHECKING, self.rows)
        has_faults, has_repeats = run_and_fetch([_IN_MEMORY, *self._tables_anew(), check.findings_statement(batch)])
        faults = [check.errors_statement(resource, batch)] if has_faults else []
        repeats = check.split_repeats_statements(resource, batch) if has_repeats else []
        run([*faults, *repeats, *resource.disagreements(batch)])
        while run(resource.contradictions(batch)):
            pass  # a row left out can leave another one without what it relied on
        rows, new, changed, errors = run_and_fetch(
            [
                *([check.repeated_errors_statement(batch)] if has_repeats else []),
                *resource.settle(batch),
                *statistics(batch.errors, self.rows),
                check.counts_statement(batch),
            ]
        )
        self.is_checked = True
        self._done(Phase.CHECKING, rows)
        return Counts(rows, new, changed, rows - new - changed - errors, errors)

    def _tables_anew(self) -> Sequence[Expression]:
        """Return the statements that create the tables of a check, in place of those of an earlier one."""
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
        self._reporter.expect(rows, phase=phase, measure=lambda: min(counted(self.batch), rows))

    def _done(self, phase: Phase, rows: int) -> None:
        self._reporter.expect(rows, phase=phase)
        self._reporter.report_rows(rows)

    def _account_ids(self) -> list[int] | None:
        """The accounts whose data a check looks at; None: of all."""
        if not self.resource.belongs_to_account:
            return []
        return [self.batch.context.account.pk] if self.batch.context.account else None

    def _named_accounts(self) -> list[int]:
        if self.batch.context.account is not None:
            return [self.batch.context.account.pk]
        return _numbers(check.account_codes(self.resource, self.batch))

    def _written_accounts(self) -> list[int]:
        if self.batch.context.account is not None:
            return [self.batch.context.account.pk]
        return _numbers(
            sql.SQL("SELECT DISTINCT r.account_id FROM {} r WHERE r.state <> 'unchanged' AND {}").format(
                self.batch.rows, self.batch.applicable
            )
        )


@contextmanager
def stage(file: BinaryIO, context: UploadContext, *, reporter: ProgressReporter | None = None) -> Iterator[Staged]:
    """Read a seekable CSV or XLSX file into the database; at the end of the context its tables go, unless kept.

    Raises FileRefusedError, which names every fault of the header, or the row from which on nothing can be read.
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
                staged.rows = copy_cells(source, batch, columns)
                yield staged
            finally:
                reporter.expect(None)
                staged.drop()


@contextmanager
def reopened(
    table: str, context: UploadContext, *, rows: int, reporter: ProgressReporter | None = None
) -> Iterator[Staged | None]:
    """What `stage` read and `check` found earlier; None when the tables have not kept it. They go at the end."""
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


def _numbers(statement: Expression) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [number for (number,) in cursor.fetchall()]


def broken_rule(error: IntegrityError) -> str:
    """The rule of the database that was broken, as a sentence."""
    cause = error.__cause__
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or "unnamed"
    messages = {
        constraint.name: str(constraint.violation_error_message or "")
        for model in apps.get_models()
        for constraint in model._meta.constraints
    }
    return messages.get(name) or f"A rule of the database ({name}) speaks against it."


def _refusal_sentence(error: IntegrityError) -> str:
    return f"The database refused the rows, and nothing was applied. {broken_rule(error)} Try again."
