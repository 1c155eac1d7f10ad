"""Taking an upload back: its new rows are removed and its changed ones restored, unless something speaks against it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from django.apps import apps
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import ForeignKey, Model
from django.db.models.functions import Now
from psycopg import sql

from billing.models import Account, DataVersion
from usage.locks import lock_accounts, lock_shared_tables
from usage.models import Call, Upload, UploadChange, UploadKind, UploadStep
from usage.rating import rate_restored_calls, rate_unrated_calls
from usage.ratings_since import rated_itself, rated_since, unrating
from usage.staged_tables import run
from usage.uploads import broken_rule
from usage.watching import Nobody, Phase, Watcher
from usage.written_rows import Counts, WrittenTable, fetched, names_of_columns, of_upload, tables_of

SECONDS_FOR_A_PAGE = 5
_NAMED_UPLOADS = 3
# From so many rows on, a plan that looks each of them up is a bad one. The planner may take it nevertheless: of records
# that were just written it has no statistics yet.
_MANY_ROWS = 5_000
# They follow their account or upload, and mean nothing on their own.
_FOLLOWERS: frozenset[type[Model]] = frozenset({DataVersion, UploadStep, UploadChange})

_WRITTEN_OVER: LiteralString = """
WITH over AS ({written_over})
SELECT (SELECT count(*) FROM (SELECT DISTINCT relation, row_id FROM over) x),
 CASE WHEN u.account_id IS NOT DISTINCT FROM {account}::bigint THEN u.file_name END
FROM {uploads} u WHERE u.id IN (SELECT upload_id FROM over) ORDER BY u.applied_at DESC, u.id
"""
_MISSING: LiteralString = """
SELECT count(*) FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = {relation}
 AND c.before ->> {column} IS NOT NULL AND {counts}
 AND NOT EXISTS (SELECT FROM {target} x WHERE x.id = (c.before ->> {column})::bigint)
"""
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
    """The upload cannot be undone, for reasons that the message says in sentences. Nothing was done."""


@dataclass(frozen=True)
class UndoPlan:
    """What undoing an upload does: rows removed by kind of thing (`("users", 3)`), rows restored, and calls that lose
    the rating that the upload gave them. `obstacles`: sentences that say why it cannot be undone. `is_unknown`: there
    are so many rows that finding it out took too long; undoing looks for itself.
    """

    removed: list[tuple[str, int]] = field(default_factory=list)
    restored: int = 0
    rerated: int = 0
    obstacles: list[str] = field(default_factory=list)
    is_unknown: bool = False

    @property
    def is_possible(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.obstacles


def plan(upload: Upload) -> UndoPlan:
    """What undoing the upload would do now. Nothing is written or locked."""
    if reason := _unrecorded(upload):
        return UndoPlan(obstacles=[reason])
    with transaction.atomic():
        _expect_many_rows(upload)
        return _plan(upload)


def plan_at_once(upload: Upload) -> UndoPlan:
    """The same for somebody who waits for a page: what takes too long is left unknown."""
    try:
        with transaction.atomic():
            run([sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(f"{SECONDS_FOR_A_PAGE * 1000:.0f}ms"))])
            return plan(upload)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            return UndoPlan(is_unknown=True)
        raise


def _plan(upload: Upload) -> UndoPlan:
    counts = {table: table.counts() for table in tables_of(upload)}
    if not _is_complete(upload, counts):
        return UndoPlan(obstacles=["What it wrote was not written down in full, so that it cannot be undone."])
    return UndoPlan(
        removed=[(table.named(found.new), found.new) for table, found in counts.items() if found.new],
        restored=sum(found.changed for found in counts.values()),
        rerated=rated_itself(upload),
        obstacles=[
            *_written_over(upload, sum(found.of_others for found in counts.values())),
            *_dependants(counts),
            *_rated_calls(upload),
            *_missing(counts),
        ],
    )


def undo(upload: Upload, *, watcher: Watcher | None = None) -> UndoPlan:
    """Take the upload back, in one transaction; returns what was done.

    Raises UndoRefusedError, with every obstacle; then nothing is done.
    """
    watcher = watcher or Nobody()
    try:
        with transaction.atomic():
            _lock(upload)
            upload.refresh_from_db(fields=["applied_at", "undone_at", "file", "rows_new", "rows_changed"])
            done = plan(upload)
            if not done.is_possible:
                raise UndoRefusedError(" ".join(done.obstacles))
            rows = sum(number for _label, number in done.removed) + done.restored
            watcher.expect(None, phase=Phase.UNDOING)
            _write(upload)
            watcher.expect(rows, phase=Phase.UNDOING)
            watcher.progress(rows)
    except IntegrityError as error:
        raise UndoRefusedError(
            f"The rows as they were do not fit what was written since. {broken_rule(error)}"
        ) from error
    return done


# --- What speaks against it ---------------------------------------------------------------------------------------


def _expect_many_rows(upload: Upload) -> None:
    """For the rest of the transaction, where there are many."""
    records = of_upload(upload, "SELECT count(*) FROM {changes} c WHERE c.upload_id = {upload}")
    if (upload.rows_new or 0) + fetched(records)[0][0] >= _MANY_ROWS:
        run([sql.SQL("SET LOCAL enable_nestloop = off"), sql.SQL("SET LOCAL work_mem = '128MB'")])


def _unrecorded(upload: Upload) -> str:
    """Why nobody can tell any more what the upload wrote; empty if one can."""
    if upload.undone_at is not None:
        return "It is undone already."
    if upload.applied_at is None:
        return "It is not applied."
    if not upload.file:
        return "It was applied too long ago: what undoing it needs is not kept any more."
    if (upload.rows_new or upload.rows_changed) and not upload.applied_versions:
        return "It was applied before it was written down what uploads change, so that it cannot be undone."
    return ""


def _is_complete(upload: Upload, counts: dict[WrittenTable, Counts]) -> bool:
    """Whether the records tell as many rows as the upload says that it wrote."""
    if not (upload.rows_new or upload.rows_changed):
        return True
    own = [found for table, found in counts.items() if not table.is_recorded]
    if not own:
        return any(found.new or found.changed for found in counts.values())
    return all(found.changed == (upload.rows_changed or 0) and found.of_others >= 0 for found in own)


def _written_over(upload: Upload, number: int) -> Iterator[str]:
    if not number:
        return
    queries = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(table.written_over) for table in tables_of(upload))
    with connection.cursor() as cursor:
        cursor.execute(of_upload(upload, _WRITTEN_OVER, written_over=queries, account=sql.Literal(upload.account_id)))
        found = cursor.fetchall()
    by_uploads = min(found[0][0], number) if found else 0
    if by_uploads:
        # Who may see this upload may see others into its account, and no file of several accounts.
        names = [name for _number, name in found if name]
        shown = ", ".join([*names[:_NAMED_UPLOADS], *(["…"] if names[_NAMED_UPLOADS:] else [])])
        yield f"{_rows(by_uploads)} written over by {_later(len(found))}{f' ({shown})' if names else ''}."
    if by_uploads < number:
        yield f"{_rows(number - by_uploads)} changed or deleted by hand since."


def _rows(number: int) -> str:
    return f"{number:,} of its rows {'was' if number == 1 else 'were'}"


def _later(number: int) -> str:
    return "a later upload" if number == 1 else "later uploads"


def _dependants(counts: dict[WrittenTable, Counts]) -> Iterator[str]:
    """Whatever refers to a row that would be removed, and is neither removed nor restored itself; the most first."""
    own = {table.model: table for table in counts}
    for table, found in counts.items():
        if not found.new:
            continue
        these = f"{'this' if found.new == 1 else 'these'} {table.named(found.new)}"
        numbers = [
            (_refer(table, model, columns, own.get(model)), model._meta)
            for model, columns in _referring(table.model).items()
        ]
        for number, meta in sorted(numbers, key=lambda one: -one[0]):
            if number:
                who = f"1 {meta.verbose_name} refers" if number == 1 else f"{number:,} {meta.verbose_name_plural} refer"
                yield f"{who} to {these}."


def _refer(table: WrittenTable, model: type[Model], columns: list[str], own: WrittenTable | None) -> int:
    """How many rows of a model refer to new rows of the table."""
    refers = [sql.SQL("r.{} IN ({})").format(sql.Identifier(column), table.new) for column in columns]
    statement = sql.SQL("SELECT count(*) FROM {} r WHERE ({}) AND NOT ({})").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(" OR ").join(refers),
        own.is_own(sql.SQL("r")) if own else sql.SQL("false"),
    )
    return fetched(statement)[0][0]


def _referring(target: type[Model]) -> dict[type[Model], list[str]]:
    """The tables with foreign keys to a table, in name or in the database, and their columns."""
    found: defaultdict[type[Model], list[str]] = defaultdict(list)
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or model in _FOLLOWERS:
            continue
        for key in model._meta.local_fields:
            if not isinstance(key, ForeignKey) or key.related_model._meta.concrete_model is not target:
                continue
            if key.target_field.primary_key and (model, key.name) != (Call, "rate_sheet_version"):
                found[model].append(key.column)
    return dict(found)


def _rated_calls(upload: Upload) -> Iterator[str]:
    """Calls name the version that rated them, and may do so unrated, too: their ratings are what depends."""
    if number := rated_since(upload):
        calls = "1 call was" if number == 1 else f"{number:,} calls were"
        yield f"{calls} rated by these {'rates' if upload.kind == UploadKind.RATES else 'subscriptions'} since."


def _missing(counts: dict[WrittenTable, Counts]) -> Iterator[str]:
    """What rows would refer to again, and is there no more."""
    for table, found in counts.items():
        if not found.changed:
            continue
        for key in table.model._meta.local_fields:
            # An account is part of what a row is known by: it is the same now.
            if not isinstance(key, ForeignKey) or key.related_model is Account:
                continue
            rated = "c.before ->> 'rate_per_minute' IS NOT NULL" if table.model is Call else "true"
            statement = table.format(
                _MISSING,
                column=sql.Literal(key.column),
                counts=sql.SQL(rated),
                target=sql.Identifier(key.related_model._meta.db_table),
            )
            if number := fetched(statement)[0][0]:
                things = key.related_model._meta.verbose_name_plural
                yield f"{number:,} of the rows that it changed referred to {things} that are there no more."


# --- Doing it -----------------------------------------------------------------------------------------------------


def _lock(upload: Upload) -> None:
    """As applying does, before the first row is written."""
    if not UploadKind(upload.kind).belongs_to_account:
        lock_shared_tables()
        DataVersion.objects.bump(None)
        return
    account_ids = [upload.account_id] if upload.account_id else _account_ids(upload)
    lock_accounts(account_ids)
    DataVersion.objects.hold(account_ids)
    DataVersion.objects.bump(*account_ids)


def _account_ids(upload: Upload) -> list[int]:
    """The accounts whose rows it wrote: of those that later uploads have, undoing is refused anyway."""
    queries = [
        table.format("SELECT t.account_id FROM {table} t WHERE t.upload_id = {upload}") for table in tables_of(upload)
    ]
    return [number for (number,) in fetched(sql.SQL(" UNION ").join(queries))]


def _write(upload: Upload) -> None:
    tables = tables_of(upload)
    run(unrating(upload))
    for table in tables:
        if table.model is Account:  # the version of data that are gone
            run(
                [
                    table.format(
                        "DELETE FROM {versions} WHERE account_id IN ({new})",
                        new=table.new,
                        versions=sql.Identifier(DataVersion._meta.db_table),
                    )
                ]
            )
        run([table.format("DELETE FROM {table} WHERE id IN ({new})", new=table.new)])
    for table in tables:
        run([_restore(table)])
        if table.is_recorded:
            run([_put_back(table)])
    if UploadKind(upload.kind) == UploadKind.CALLS:
        rate_restored_calls(upload.pk)
    elif UploadKind(upload.kind) in {UploadKind.RATES, UploadKind.SUBSCRIPTIONS}:
        rate_unrated_calls()
    run([of_upload(upload, "DELETE FROM {changes} WHERE upload_id = {upload}")])
    # Keys that are checked at the end of a transaction are checked here, to be refused here.
    run([sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"), sql.SQL("SET CONSTRAINTS ALL DEFERRED")])
    Upload.objects.filter(pk=upload.pk).update(undone_at=Now())


def _restore(table: WrittenTable) -> sql.Composed:
    """On the row as it is, so that columns that were not there yet keep what they hold."""
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
