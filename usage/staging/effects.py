"""Say what applying a checked file means for the customer: a few numbers before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from jobs.sql import fetch_all
from ui.formatting import number_text
from usage.models import Call, Entity, EntityKind, LoginSession
from usage.resources.base import UploadResource
from usage.resources.batches import Batch
from usage.resources.directory import EntityResource
from usage.resources.formats import Expression
from usage.resources.records import CallResource, LoginSessionResource

# The stored sessions on the days of the file but those that it replaces, and the sessions of the file.
_BILLED_USERS = """
WITH given AS MATERIALIZED (
    SELECT r.account_id, r.entity, r.entity_id, r.old_id, r.started_at, {billable} AS billable
    FROM {rows} r
    WHERE {applicable}
),
spans AS (
    SELECT account_id, date_trunc('day', min(started_at), 'UTC') AS since,
        date_trunc('day', max(started_at), 'UTC') + interval '1 day' AS until
    FROM given GROUP BY account_id
),
stored AS MATERIALIZED (
    SELECT session.id, session.account_id, entity.identifier
    FROM spans
    JOIN {sessions} session ON session.account_id = spans.account_id
        AND session.started_at >= spans.since AND session.started_at < spans.until
    JOIN {entities} entity ON entity.id = session.entity_id AND entity.kind = {user}
    WHERE session.billable
),
afterwards AS (
    SELECT account_id, identifier FROM stored WHERE id NOT IN (SELECT old_id FROM given WHERE old_id IS NOT NULL)
    UNION
    SELECT given.account_id, coalesce(entity.identifier, lower(given.entity))
    FROM given LEFT JOIN {entities} entity ON entity.id = given.entity_id
    WHERE given.billable AND coalesce(entity.kind, {user}) = {user}
)
SELECT (SELECT count(*) FROM (SELECT DISTINCT account_id, identifier FROM stored) before),
    (SELECT count(*) FROM afterwards)
"""
_CALLS = """
WITH spans AS (
    SELECT account_id, date_trunc('day', min(start_time), 'UTC') AS since,
        date_trunc('day', max(start_time), 'UTC') + interval '1 day' AS until
    FROM {rows} r WHERE {applicable} GROUP BY account_id
),
stored AS (
    SELECT count(*) AS number
    FROM spans JOIN {calls} call ON call.account_id = spans.account_id
        AND call.started_at >= spans.since AND call.started_at < spans.until
),
moved AS (
    SELECT count(*) AS number
    FROM {rows} r JOIN spans ON spans.account_id = r.account_id JOIN {calls} old ON old.id = r.old_id
    WHERE r.state = 'changed' AND (old.started_at < spans.since OR old.started_at >= spans.until) AND {applicable}
)
SELECT stored.number, stored.number + moved.number + {new} FROM stored, moved
"""
_ENTITIES = """
WITH accounts AS (SELECT DISTINCT account_id FROM {rows} r WHERE {applicable})
SELECT known, known + {new}
FROM (
    SELECT count(*) AS known FROM {entities} entity
    WHERE entity.kind = {kind} AND entity.account_id IN (SELECT account_id FROM accounts)
) stored
"""


@dataclass(frozen=True)
class Effect:
    """A number that applying a file changes for the customer, as text before and after."""

    label: str
    before: str
    after: str


def effects(resource: UploadResource, batch: Batch, *, new: int) -> list[Effect]:
    """Return the effects of the file's good rows, of which `new` are new, in the order in which they are shown.

    Most kinds have none.
    """
    return [
        Effect(label, number_text(before), number_text(after))
        for label, query in _queries(resource, batch, new)
        for before, after in fetch_all(query)
        if before != after
    ]


def _queries(resource: UploadResource, batch: Batch, new: int) -> Iterator[tuple[str, Expression]]:
    """Yield the label and the query, for (before, after), of each effect of a kind."""
    names: dict[str, Expression | str] = {"rows": batch.rows, "applicable": batch.applicable}
    entities = sql.Identifier(Entity._meta.db_table)
    if isinstance(resource, LoginSessionResource):
        is_billable = "coalesce(r.billable, true)" if "billable" in batch.present else "true"
        yield (
            "Billed users on the days of the file",
            sql.SQL(_BILLED_USERS).format(
                **names,
                billable=sql.SQL(is_billable),
                sessions=sql.Identifier(LoginSession._meta.db_table),
                entities=entities,
                user=EntityKind.USER.value,
            ),
        )
    elif isinstance(resource, CallResource):
        calls = sql.Identifier(Call._meta.db_table)
        yield "Calls on the days of the file", sql.SQL(_CALLS).format(**names, calls=calls, new=new)
    elif isinstance(resource, EntityResource):
        label = str(resource.model._meta.verbose_name_plural).capitalize()
        query = sql.SQL(_ENTITIES).format(**names, entities=entities, kind=resource.kind.value, new=new)
        yield label, query
