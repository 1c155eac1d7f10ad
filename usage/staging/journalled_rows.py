"""The rows that an upload wrote, as its records tell: which are new, which it changed, which are not its any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from django.db import connection
from django.db.models import Model
from psycopg import sql

from usage.models import Call, Device, Entity, Upload, UploadChange, UploadKind, User
from usage.resources import resource_of
from usage.resources.formats import Expression

_NEW: LiteralString = """
SELECT t.id FROM {table} t WHERE t.upload_id = {upload} AND NOT EXISTS
 (SELECT FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = {relation} AND c.row_id = t.id)
"""
_RECORDED_NEW: LiteralString = """
SELECT c.row_id AS id FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = {relation} AND c.before IS NULL
"""
_COUNTS: LiteralString = """
SELECT mine - mine_changed, changed, {written} - mine FROM
 (SELECT count(*) AS mine FROM {table} t WHERE t.upload_id = {upload}) m,
 (SELECT count(*) AS changed, count(*) FILTER (WHERE t.upload_id = {upload}) AS mine_changed
  FROM {changes} c LEFT JOIN {table} t ON t.id = c.row_id WHERE c.upload_id = {upload} AND c.relation = {relation}) c
"""
_RECORDED_COUNTS: LiteralString = """
SELECT count(*) FILTER (WHERE c.before IS NULL), count(*) FILTER (WHERE c.before IS NOT NULL),
 count(*) FILTER (WHERE {is_other})
FROM {changes} c LEFT JOIN {table} t ON t.id = c.row_id WHERE c.upload_id = {upload} AND c.relation = {relation}
"""
_IS_OTHER: LiteralString = "c.after IS NOT NULL AND (t.id IS NULL OR NOT to_jsonb(t) @> c.after)"
_WRITTEN_OVER: LiteralString = """
SELECT later.upload_id, later.relation, later.row_id FROM {changes} later WHERE later.upload_id IN {later}
 AND later.relation = {relation} AND later.before ->> 'upload_id' = {upload}::text
"""
_RECORDED_WRITTEN_OVER: LiteralString = """
SELECT later.upload_id, later.relation, later.row_id
FROM {changes} c LEFT JOIN {table} t ON t.id = c.row_id
JOIN {changes} later ON later.upload_id IN {later} AND later.relation = c.relation AND later.row_id = c.row_id
WHERE c.upload_id = {upload} AND c.relation = {relation} AND {is_other}
"""
_LATER: LiteralString = """
(SELECT u.id FROM {uploads} u WHERE u.applied_at >= {applied_at}::timestamptz AND u.undone_at IS NULL
 AND u.id <> {upload})
"""


@dataclass(frozen=True)
class Counts:
    """The rows of a table that an upload wrote: new, changed (or removed) by it; of both, those that others have."""

    new: int
    changed: int
    of_others: int


@dataclass(frozen=True)
class WrittenTable:
    """A table that an upload wrote into. `is_recorded`: each of its rows stands in the records, new ones too."""

    upload: Upload
    model: type[Model]
    is_recorded: bool

    def format(self, text: LiteralString, **names: Expression) -> sql.Composed:
        """The text with `table`, `relation`, `changes`, `upload`, `later` and other names in it."""
        table = self.model._meta.db_table
        return of_upload(self.upload, text, table=sql.Identifier(table), relation=sql.Literal(table), **names)

    @property
    def new(self) -> sql.Composed:
        """A query for the numbers of the new rows."""
        return self.format(_RECORDED_NEW if self.is_recorded else _NEW)

    def is_own(self, row: Expression) -> sql.Composed:
        """A condition: the upload wrote the row, of which `row` is the alias."""
        if not self.is_recorded:
            return self.format("{row}.upload_id IS NOT DISTINCT FROM {upload}", row=row)
        return self.format(
            "{row}.id IN (SELECT c.row_id FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = {relation})",
            row=row,
        )

    def counts(self) -> Counts:
        """How many rows there are."""
        written = sql.Literal((self.upload.rows_new or 0) + (self.upload.rows_changed or 0))
        statement = (
            self.format(_RECORDED_COUNTS, is_other=sql.SQL(_IS_OTHER))
            if self.is_recorded
            else self.format(_COUNTS, written=written)
        )
        ((new, changed, of_others),) = fetched(statement)
        return Counts(new, changed, of_others)

    @property
    def written_over(self) -> sql.Composed:
        """A query for (upload_id, relation, row_id) of what later uploads, not undone, wrote over."""
        if self.is_recorded:
            return self.format(_RECORDED_WRITTEN_OVER, is_other=sql.SQL(_IS_OTHER))
        return self.format(_WRITTEN_OVER)

    def named(self, number: int) -> str:
        """What so many of its rows are called."""
        model = self.model
        if model is Entity:
            model = Device if self.upload.kind == UploadKind.DEVICES else User
        meta = model._meta
        return str(meta.verbose_name if number == 1 else meta.verbose_name_plural)


def tables_of(upload: Upload) -> list[WrittenTable]:
    """The tables that an upload of its kind writes into; those that refer to others come first."""
    resource = resource_of(UploadKind(upload.kind))
    recorded = [WrittenTable(upload, model, is_recorded=True) for model in resource.recorded]
    if resource.model in resource.recorded:
        return recorded
    model = resource.model._meta.concrete_model or resource.model
    return [WrittenTable(upload, model, is_recorded=False), *recorded]


def of_upload(upload: Upload, text: LiteralString, **names: Expression) -> sql.Composed:
    """The text with `changes`, `calls`, `upload` and `later` (a query for the uploads since, not undone) in it."""
    known = {
        "changes": sql.Identifier(UploadChange._meta.db_table),
        "calls": sql.Identifier(Call._meta.db_table),
        "uploads": sql.Identifier(Upload._meta.db_table),
        "upload": sql.SQL("{}::uuid").format(sql.Literal(str(upload.pk))),
        "applied_at": sql.Literal(upload.applied_at),
    }
    return sql.SQL(text).format(**{**known, "later": sql.SQL(_LATER).format(**known), **names})


def fetched(statement: Expression) -> list[tuple[int, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def names_of_columns(model: type[Model]) -> Sequence[str]:
    """The columns of a table that can be written, its key left out."""
    fields = model._meta.local_concrete_fields
    return [str(field.column) for field in fields if not field.primary_key and not field.generated]
