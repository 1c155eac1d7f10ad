"""Journal what an upload changes, before and after it is applied, so that it can be undone.

Most kinds write into one table whose rows name their last upload. New rows are recognized by that, so the journal needs
only the former state of changed rows. Users created for login sessions are journalled as created. For a kind that
writes into several tables, the journal compares the rows before with the rows after.
"""

from collections.abc import Sequence

from psycopg import sql

from usage.models import Entity, UploadChange
from usage.resources.base import UploadResource
from usage.resources.batches import Batch
from usage.resources.formats import Expression

_CHANGES = sql.Identifier(UploadChange._meta.db_table)
_FORMER_ROWS = """
INSERT INTO {changes} (upload_id, relation, row_id, before)
SELECT {upload}::uuid, {relation}, old.id, to_jsonb(old)
FROM {rows} r JOIN {table} old ON old.id = r.old_id
WHERE r.state = 'changed' AND {applicable}
"""
_SNAPSHOT = "SELECT {relation} AS relation, stored.id, to_jsonb(stored) AS row FROM {table} stored WHERE {condition}"
_DIFFERENCES = """
INSERT INTO {changes} (upload_id, relation, row_id, before, after)
SELECT {upload}::uuid, relation, id, before.row, after.row
FROM {before} before FULL JOIN ({after}) after USING (relation, id)
WHERE before.row IS DISTINCT FROM after.row
"""
_NEW_USERS = """
INSERT INTO {changes} (upload_id, relation, row_id, after)
SELECT {upload}::uuid, {relation}, entity.id, to_jsonb(entity)
FROM {entities} entity WHERE entity.upload_id = {upload}::uuid
"""


def before_statements(resource: UploadResource, batch: Batch) -> Sequence[Expression]:
    """Return the statements to run before the rows are written, in the same transaction."""
    if batch.context.upload_id is None:
        return ()
    if resource.journal(batch):
        return [
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS {}").format(batch.before, _snapshot(resource, batch))
        ]
    return [
        sql.SQL(_FORMER_ROWS).format(
            changes=_CHANGES,
            upload=sql.Literal(str(batch.context.upload_id)),
            relation=sql.Literal(resource.model._meta.db_table),
            rows=batch.rows,
            table=resource.table,
            applicable=batch.applicable,
        )
    ]


def after_statements(resource: UploadResource, batch: Batch) -> Sequence[Expression]:
    """Return the statements to run once the rows are written, in the same transaction."""
    if batch.context.upload_id is None:
        return ()
    if batch.context.creates_users:
        return [
            sql.SQL(_NEW_USERS).format(
                changes=_CHANGES,
                upload=sql.Literal(str(batch.context.upload_id)),
                relation=sql.Literal(Entity._meta.db_table),
                entities=sql.Identifier(Entity._meta.db_table),
            )
        ]
    if not resource.journal(batch):
        return ()
    return [
        sql.SQL(_DIFFERENCES).format(
            changes=_CHANGES,
            upload=sql.Literal(str(batch.context.upload_id)),
            before=batch.before,
            after=_snapshot(resource, batch),
        )
    ]


def _snapshot(resource: UploadResource, batch: Batch) -> sql.Composed:
    return sql.SQL(" UNION ALL ").join(
        sql.SQL(_SNAPSHOT).format(relation=sql.Literal(table), table=sql.Identifier(table), condition=condition)
        for table, condition in resource.journal(batch)
    )
