"""The rows that an upload wrote, according to its journal: new ones, changed ones, those that others wrote since."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from django.db.models import Model
from psycopg import sql

from jobs.sql import fetch_all
from usage.models import Call, Device, Entity, Upload, UploadChange, UploadKind, User
from usage.resources import resource_of
from usage.resources.formats import Expression

_NEW: LiteralString = """
SELECT stored.id FROM {table} stored
WHERE stored.upload_id = {upload} AND NOT EXISTS (
    SELECT FROM {changes} change
    WHERE change.upload_id = {upload} AND change.relation = {relation} AND change.row_id = stored.id
)
"""
_JOURNALLED_NEW: LiteralString = """
SELECT change.row_id AS id FROM {changes} change
WHERE change.upload_id = {upload} AND change.relation = {relation} AND change.before IS NULL
"""
_COUNTS: LiteralString = """
SELECT own - own_changed, changed, {written} - own
FROM
    (SELECT count(*) AS own FROM {table} stored WHERE stored.upload_id = {upload}) own_rows,
    (
        SELECT count(*) AS changed, count(*) FILTER (WHERE stored.upload_id = {upload}) AS own_changed
        FROM {changes} change LEFT JOIN {table} stored ON stored.id = change.row_id
        WHERE change.upload_id = {upload} AND change.relation = {relation}
    ) changed_rows
"""
_JOURNALLED_COUNTS: LiteralString = """
SELECT
    count(*) FILTER (WHERE change.before IS NULL),
    count(*) FILTER (WHERE change.before IS NOT NULL),
    count(*) FILTER (WHERE {is_other})
FROM {changes} change LEFT JOIN {table} stored ON stored.id = change.row_id
WHERE change.upload_id = {upload} AND change.relation = {relation}
"""
# Another upload or person changed or removed the row since.
_IS_OTHER: LiteralString = "change.after IS NOT NULL AND (stored.id IS NULL OR NOT to_jsonb(stored) @> change.after)"
_WRITTEN_OVER: LiteralString = """
SELECT later.upload_id, later.relation, later.row_id
FROM {changes} later
WHERE later.upload_id IN {later} AND later.relation = {relation} AND later.before ->> 'upload_id' = {upload}::text
"""
_JOURNALLED_WRITTEN_OVER: LiteralString = """
SELECT later.upload_id, later.relation, later.row_id
FROM {changes} change
LEFT JOIN {table} stored ON stored.id = change.row_id
JOIN {changes} later
    ON later.upload_id IN {later} AND later.relation = change.relation AND later.row_id = change.row_id
WHERE change.upload_id = {upload} AND change.relation = {relation} AND {is_other}
"""
_LATER: LiteralString = """
(
    SELECT other.id FROM {uploads} other
    WHERE other.applied_at >= {applied_at}::timestamptz AND other.undone_at IS NULL AND other.id <> {upload}
)
"""


@dataclass(frozen=True)
class JournalCounts:
    """The rows of a table that an upload wrote: `new`, and `changed` or removed; `of_others`: those written since."""

    new: int
    changed: int
    of_others: int


@dataclass(frozen=True)
class WrittenTable:
    """A table that an upload wrote into. `is_journalled`: the journal holds each of its rows, new ones too."""

    upload: Upload
    model: type[Model]
    is_journalled: bool

    def format(self, text: LiteralString, **names: Expression) -> sql.Composed:
        """Return the SQL with `table`, `relation`, the names of `of_upload` and other names filled in."""
        table = self.model._meta.db_table
        return of_upload(self.upload, text, table=sql.Identifier(table), relation=sql.Literal(table), **names)

    @property
    def new(self) -> sql.Composed:
        """Return the query for the IDs of the new rows."""
        return self.format(_JOURNALLED_NEW if self.is_journalled else _NEW)

    def is_own(self, row: Expression) -> sql.Composed:
        """Return the condition that the upload wrote the row with the alias `row`."""
        if not self.is_journalled:
            return self.format("{row}.upload_id IS NOT DISTINCT FROM {upload}", row=row)
        return self.format(
            """
            {row}.id IN (
                SELECT change.row_id FROM {changes} change
                WHERE change.upload_id = {upload} AND change.relation = {relation}
            )
            """,
            row=row,
        )

    def counts(self) -> JournalCounts:
        written = sql.Literal((self.upload.rows_new or 0) + (self.upload.rows_changed or 0))
        statement = (
            self.format(_JOURNALLED_COUNTS, is_other=sql.SQL(_IS_OTHER))
            if self.is_journalled
            else self.format(_COUNTS, written=written)
        )
        ((new, changed, of_others),) = fetch_all(statement)
        return JournalCounts(new, changed, of_others)

    @property
    def written_over(self) -> sql.Composed:
        """Return the query for (upload_id, relation, row_id) of the rows that later uploads, not undone, overwrote."""
        if self.is_journalled:
            return self.format(_JOURNALLED_WRITTEN_OVER, is_other=sql.SQL(_IS_OTHER))
        return self.format(_WRITTEN_OVER)

    def named(self, number: int) -> str:
        """Return the noun for this number of rows, singular or plural."""
        model = self.model
        if model is Entity:
            model = Device if self.upload.kind == UploadKind.DEVICES else User
        meta = model._meta
        return str(meta.verbose_name if number == 1 else meta.verbose_name_plural)


def tables_of(upload: Upload) -> list[WrittenTable]:
    """Return the tables that an upload of this kind writes into; those that refer to others come first."""
    resource = resource_of(UploadKind(upload.kind))
    journalled = [WrittenTable(upload, model, is_journalled=True) for model in resource.journalled]
    if resource.model in resource.journalled:
        return journalled
    model = resource.model._meta.concrete_model or resource.model
    return [WrittenTable(upload, model, is_journalled=False), *journalled]


def of_upload(upload: Upload, text: LiteralString, **names: Expression) -> sql.Composed:
    """Return the SQL with `changes`, `calls`, `uploads`, `upload`, `applied_at` and other names filled in.

    `later` becomes a query for the IDs of the uploads applied since and not undone.
    """
    known = {
        "changes": sql.Identifier(UploadChange._meta.db_table),
        "calls": sql.Identifier(Call._meta.db_table),
        "uploads": sql.Identifier(Upload._meta.db_table),
        "upload": sql.SQL("{}::uuid").format(sql.Literal(str(upload.pk))),
        "applied_at": sql.Literal(upload.applied_at),
    }
    return sql.SQL(text).format(**{**known, "later": sql.SQL(_LATER).format(**known), **names})


def names_of_columns(model: type[Model]) -> Sequence[str]:
    """Return the columns of a table that can be written, without its primary key."""
    fields = model._meta.local_concrete_fields
    return [str(field.column) for field in fields if not field.primary_key and not field.generated]
