"""What speaks against taking an upload back: what was written since, and what would be left without its row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import LiteralString

from django.apps import apps
from django.db.models import ForeignKey, Model
from psycopg import sql

from billing.models import Account, DataVersion
from jobs.sql import fetch_all, fetch_value
from usage.models import Call, Upload, UploadChange, UploadKind, UploadStep
from usage.staging.journalled_rows import JournalCounts, WrittenTable, of_upload, tables_of
from usage.undo.ratings_since import rated_since

_NAMED_UPLOADS = 3
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


def unrecorded(upload: Upload) -> str:
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


def is_complete(upload: Upload, counts: Mapping[WrittenTable, JournalCounts]) -> bool:
    """Whether the records tell as many rows as the upload says that it wrote."""
    if not (upload.rows_new or upload.rows_changed):
        return True
    own = [found for table, found in counts.items() if not table.is_journalled]
    if not own:
        return any(found.new or found.changed for found in counts.values())
    return all(found.changed == (upload.rows_changed or 0) and found.of_others >= 0 for found in own)


def blockers(upload: Upload, counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
    """Sentences that say why the upload cannot be undone, of one that the records tell in full; none if it can."""
    yield from _written_over(upload, sum(found.of_others for found in counts.values()))
    yield from _dependants(counts)
    yield from _rated_calls(upload)
    yield from _missing(counts)


def _written_over(upload: Upload, number: int) -> Iterator[str]:
    if not number:
        return
    queries = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(table.written_over) for table in tables_of(upload))
    account = sql.Literal(upload.account_id)
    found = fetch_all(of_upload(upload, _WRITTEN_OVER, written_over=queries, account=account))
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


def _dependants(counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
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
    return int(fetch_value(statement))


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


def _missing(counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
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
            if number := fetch_value(statement):
                things = key.related_model._meta.verbose_name_plural
                yield f"{number:,} of the rows that it changed referred to {things} that are there no more."
