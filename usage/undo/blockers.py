"""What blocks undoing an upload: rows written since, and rows that would refer to nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import LiteralString

from django.apps import apps
from django.db.models import ForeignKey, Model
from psycopg import sql

from billing.models import Account, DataVersion
from jobs.sql import fetch_all, fetch_value
from ui.formatting import count_text, number_text
from usage.models import Call, Upload, UploadChange, UploadKind, UploadStep
from usage.staging.journalled_rows import JournalCounts, WrittenTable, of_upload, tables_of
from usage.undo.ratings_since import rated_since

_NAMED_UPLOADS = 3
# They follow their account or upload, and mean nothing on their own.
_FOLLOWERS: frozenset[type[Model]] = frozenset({DataVersion, UploadStep, UploadChange})

_WRITTEN_OVER: LiteralString = """
WITH over AS ({written_over})
SELECT (SELECT count(*) FROM (SELECT DISTINCT relation, row_id FROM over) x),
 CASE WHEN u.account_id IS NOT DISTINCT FROM {account}::bigint AND (u.by_platform_staff <= {by_platform_staff})
  THEN u.file_name END
FROM {uploads} u WHERE u.id IN (SELECT upload_id FROM over) ORDER BY u.applied_at DESC, u.id
"""
_MISSING: LiteralString = """
SELECT count(*) FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = {relation}
 AND c.before ->> {column} IS NOT NULL AND {counts}
 AND NOT EXISTS (SELECT FROM {target} x WHERE x.id = (c.before ->> {column})::bigint)
"""


def unjournalled(upload: Upload) -> str:
    """Return why it is no longer known what the upload wrote; empty if it is."""
    if upload.undone_at is not None:
        return "It has already been undone."
    if upload.applied_at is None:
        return "It has not been applied."
    if not upload.file:
        return "It was applied too long ago: what undoing it needs has been deleted."
    if (upload.rows_new or upload.rows_changed) and not upload.applied_versions:
        return "It was applied before changes were recorded, so it cannot be undone."
    return ""


def is_complete(upload: Upload, counts: Mapping[WrittenTable, JournalCounts]) -> bool:
    """Return whether the journal accounts for every row that the upload wrote."""
    if not (upload.rows_new or upload.rows_changed):
        return True
    own = [found for table, found in counts.items() if not table.is_journalled]
    if not own:
        return any(found.new or found.changed for found in counts.values())
    return all(found.changed == (upload.rows_changed or 0) and found.of_others >= 0 for found in own)


def blockers(upload: Upload, counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
    """Yield a sentence for each reason why an upload with a complete journal cannot be undone."""
    yield from _written_over(upload, sum(found.of_others for found in counts.values()))
    yield from _dependants(counts)
    yield from _rated_calls(upload)
    yield from _missing(counts)


def _written_over(upload: Upload, number: int) -> Iterator[str]:
    if not number:
        return
    queries = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(table.written_over) for table in tables_of(upload))
    account = sql.Literal(upload.account_id)
    of_staff = sql.Literal(upload.by_platform_staff)
    statement = of_upload(upload, _WRITTEN_OVER, written_over=queries, account=account, by_platform_staff=of_staff)
    found = fetch_all(statement)
    by_uploads = min(found[0][0], number) if found else 0
    if by_uploads:
        # People who see this upload may see others of its account, but neither those of several accounts nor, if it is
        # an upload of a customer's administrator, the platform's.
        names = [name for _number, name in found if name]
        shown = ", ".join([*names[:_NAMED_UPLOADS], *(["…"] if names[_NAMED_UPLOADS:] else [])])
        yield f"{_rows(by_uploads)} written over by {_later(len(found))}{f' ({shown})' if names else ''}."
    if by_uploads < number:
        yield f"{_rows(number - by_uploads)} changed or deleted by hand since."


def _rows(number: int) -> str:
    return f"{number_text(number)} of its rows {'was' if number == 1 else 'were'}"


def _later(number: int) -> str:
    return "a later upload" if number == 1 else "later uploads"


def _dependants(counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
    """Yield what refers to rows that would be removed, and is neither removed nor restored itself; the most first."""
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
                verb = "refers" if number == 1 else "refer"
                things = count_text(number, str(meta.verbose_name), str(meta.verbose_name_plural))
                yield f"{things} {verb} to {these}."


def _refer(table: WrittenTable, model: type[Model], columns: list[str], own: WrittenTable | None) -> int:
    """Count the rows of a model that refer to new rows of the table."""
    refers = [sql.SQL("r.{} IN ({})").format(sql.Identifier(column), table.new) for column in columns]
    statement = sql.SQL("SELECT count(*) FROM {} r WHERE ({}) AND NOT ({})").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(" OR ").join(refers),
        own.is_own(sql.SQL("r")) if own else sql.SQL("false"),
    )
    return int(fetch_value(statement))


def _referring(target: type[Model]) -> dict[type[Model], list[str]]:
    """Return the models with foreign keys to a model, with the columns of the keys."""
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
    """Yield the number of calls rated since: their rating depends on the upload, whatever their foreign key says."""
    if number := rated_since(upload):
        calls = "1 call was" if number == 1 else f"{number_text(number)} calls were"
        yield f"{calls} rated by these {'rates' if upload.kind == UploadKind.RATES else 'subscriptions'} since."


def _missing(counts: Mapping[WrittenTable, JournalCounts]) -> Iterator[str]:
    """Yield what restored rows would refer to and what no longer exists."""
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
                yield f"{number_text(number)} of the rows that it changed referred to {things} that no longer exist."
