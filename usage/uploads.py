"""The way of an upload: staged, checked in the database, applied in one transaction, all of it or nothing.

with stage(UploadKind.CALLS, file, account, now=timezone.now()) as staged:
    counts = staged.check()                      # what would happen; may be hours before
    outcome = staged.apply(skip_errors=False)    # checks again, then writes
"""

import csv
import io
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import psycopg
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from psycopg import sql

from billing.models import Account
from usage import checking
from usage.csv_files import CsvFile
from usage.error_files import REASON, write_rows_in_error
from usage.locks import is_abandoned, lock_accounts, lock_shared_tables, staged_file
from usage.models import UploadKind
from usage.resources import resource_of
from usage.resources.base import COMMA, UploadResource
from usage.resources.batches import Batch
from usage.resources.columns import folded
from usage.resources.formats import Expression, escaped, escaped_text
from usage.source_files import opened
from usage.staging import copy_cells
from usage.verdicts import FileRefusedError, RowError

# Sorting and hashing a million rows in memory; given back at the end of the transaction.
_WORK_MEM = "128MB"


@dataclass(frozen=True)
class Counts:
    """The rows of a file; those in error are in no other number, and the five add up."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of a file. Not applied: nothing of it was written."""

    counts: Counts
    is_applied: bool


class UploadRefusedError(Exception):
    """The database refused rows that were found good: something changed at the same moment. Nothing was applied."""


class Staged:
    """A file whose rows lie in the database as text. Nothing here reads the file again."""

    def __init__(self, resource: UploadResource, batch: Batch, columns: Sequence[str]) -> None:
        self.resource = resource
        self.batch = batch
        self.columns = columns

    def check(self) -> Counts:
        """Check every row against the database as it is now, and count what applying would do."""
        with transaction.atomic():
            return self._check()

    def errors(self, limit: int) -> list[RowError]:
        """The first errors that the last check found, in the order of the file."""
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("{} LIMIT {}").format(self._errors(sql.SQL("e.value")), limit))
            return [RowError(*row) for row in cursor.fetchall()]

    def write_errors(self, file: BinaryIO) -> None:
        """Write every error of the last check as CSV: line, column, value, reason."""
        statement = self._errors(sql.SQL("nullif({}, '')").format(escaped(sql.SQL("e.value"))), empty="NULL")
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(statement)) as copy,
        ):
            for chunk in copy:
                file.write(chunk)

    def write_rows_in_error(self, file: BinaryIO) -> None:
        """Write the rows of the last check's errors as CSV: their cells, and a column of reasons."""
        write_rows_in_error(self.batch, self.columns, file)

    def apply(self, *, skip_errors: bool = False) -> Outcome:
        """Check again and write the rows in one transaction; none if one is in error, unless those are left out.

        Raises UploadRefusedError when the database refuses them.
        """
        try:
            with transaction.atomic():
                counts = self._check()
                is_applied = not counts.errors or (skip_errors and counts.errors < counts.rows)
                if is_applied:
                    # Keys that are checked at the end of a transaction are checked here, to be refused here.
                    _run([*self.resource.application(self.batch), sql.SQL("SET CONSTRAINTS ALL IMMEDIATE")])
                    self.resource.follow_up()
                    _run([sql.SQL("SET CONSTRAINTS ALL DEFERRED")])
        except IntegrityError as error:
            raise UploadRefusedError(_refusal_sentence(error)) from error
        return Outcome(counts, is_applied)

    def drop(self) -> None:
        """Remove the tables of the file."""
        _run([self._drop_checked(), sql.SQL("DROP TABLE IF EXISTS {}").format(self.batch.cells)])

    def _drop_checked(self) -> sql.Composed:
        names = (self.batch.rows, self.batch.errors, self.batch.repeats, self.batch.planned)
        return sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join(names))

    def _check(self) -> Counts:
        resource, batch = self.resource, self.batch
        _run([sql.SQL("SET LOCAL work_mem = {}").format(sql.Literal(_WORK_MEM)), self._drop_checked()])
        self._lock()
        _run(
            [
                sql.SQL(
                    "CREATE UNLOGGED TABLE {} (line bigint, place integer, name text, value text, reason text)"
                ).format(batch.errors),
                checking.rows_statement(resource, batch),
                sql.SQL("ANALYZE {}").format(batch.rows),
                checking.errors_statement(resource, batch),
                *checking.repeats_statements(resource, batch),
                *resource.disagreements(batch),
            ]
        )
        while _run(resource.contradictions(batch)):
            pass  # a row left out can leave another one without what it relied on
        _run(
            [
                checking.repeated_errors_statement(batch),
                *resource.settle(batch),
                sql.SQL("ANALYZE {}").format(batch.errors),
            ]
        )
        with connection.cursor() as cursor:
            cursor.execute(checking.counts_statement(batch))
            rows, new, changed, errors = cursor.fetchone()
        return Counts(rows, new, changed, rows - new - changed - errors, errors)

    def _lock(self) -> None:
        if not self.resource.belongs_to_account:
            lock_shared_tables()
        elif self.batch.account is not None:
            lock_accounts([self.batch.account.pk])
        else:
            with connection.cursor() as cursor:
                cursor.execute(checking.account_codes(self.resource, self.batch))
                account_ids = [account_id for (account_id,) in cursor.fetchall()]
            lock_accounts(account_ids)

    def _errors(self, value: Expression, *, empty: str = "''") -> sql.Composed:
        return sql.SQL(
            'SELECT e.line, coalesce(e.name, {e}) AS "column", coalesce({v}, {e}) AS value, e.reason FROM {errors} e '
            "ORDER BY e.line, e.place, e.reason"
        ).format(e=sql.SQL(empty), v=value, errors=self.batch.errors)


@contextmanager
def stage(kind: UploadKind, file: BinaryIO, account: Account | None, *, now: datetime) -> Iterator[Staged]:
    """Read a seekable CSV or XLSX file into the database; its tables are dropped at the end of the context.

    `account`: whose data the file holds, for kinds that belong to an account; None: each row says so in a column.
    Raises FileRefusedError, which names every fault of the header, or the row from which on nothing can be read.
    """
    resource = resource_of(kind)
    with opened(file) as source:
        columns = _columns(resource, source, account)
        batch = Batch(f"upload_{secrets.token_hex(8)}", frozenset(columns), account, now)
        staged = Staged(resource, batch, columns)
        with staged_file(batch.table):
            try:
                copy_cells(source, batch.cells, columns)
                yield staged
            finally:
                staged.drop()


def write_errors(errors: Sequence[RowError], file: BinaryIO) -> None:
    """Write the errors of a refused file as CSV, as those of a staged one are written."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "column", "value", "reason"])
    for error in errors:
        writer.writerow([error.line, escaped_text(error.column), escaped_text(error.value), error.reason])
    text.detach()


def drop_abandoned_tables() -> int:
    """Drop the tables that processes left behind which were killed while they had a file staged; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            " AND tablename ~ '^upload_[0-9a-f]{16}(_[a-z]+)?$' ORDER BY tablename"
        )
        names = [name for (name,) in cursor.fetchall() if is_abandoned(name[: len("upload_") + 16])]
    _run([sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)) for name in names])
    return len(names)


def _columns(resource: UploadResource, source: CsvFile, account: Account | None) -> list[str]:
    """The names of the file's columns, in its order."""
    header = [cell.strip() for cell in source.header()]
    found = [_name(resource, cell) for cell in header]
    names = [name for name in found if name]
    expected = ", ".join(column.name for column in resource.columns)
    errors = [
        RowError(1, cell, "", f"The column is unknown; the columns are: {expected}." if cell else
                 f"Column {place} has no name; the columns are: {expected}.")
        for place, (cell, name) in enumerate(zip(header, found, strict=True), start=1)
        if name is None
    ]  # fmt: skip
    errors += [
        RowError(1, name, "", "The file has this column twice.")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    errors += [
        RowError(1, column.name, "", "The file lacks this column.")
        for column in resource.columns
        if not column.optional and column.name not in names
    ]
    if resource.belongs_to_account and account is None and "account" not in names:
        reason = "Whose data is this? Name the account for the whole file, or in a column 'account'."
        errors.append(RowError(1, "account", "", reason))
    if errors:
        raise FileRefusedError(*errors, rows=sum(1 for _record in source.records()) - 1)
    return names


def _name(resource: UploadResource, heading: str) -> str | None:
    """What we call the column: one of the kind's, or the reasons of a file of rows in error, which nobody reads."""
    column = resource.column_called(heading)
    if column is None:
        return REASON if folded(heading) == REASON else None
    return column.name


def _run(statements: Sequence[Expression]) -> int:
    """Execute in order; the number of rows that they wrote."""
    written = 0
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            written += max(cursor.rowcount, 0)
    return written


def _refusal_sentence(error: IntegrityError) -> str:
    cause = error.__cause__
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or "unnamed"
    messages = {
        constraint.name: str(constraint.violation_error_message or "")
        for model in apps.get_models()
        for constraint in model._meta.constraints
    }
    reason = messages.get(name) or f"A rule of the database ({name}) speaks against it."
    return f"The database refused the rows, and nothing was applied. {reason} Try again."
