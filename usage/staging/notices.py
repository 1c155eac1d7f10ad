"""Build the SQL of notices: what is valid and unusual in a file, in its rows, and in what it would do."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from psycopg import sql

from usage.files.errors import FileNotice
from usage.resources.base import UploadResource
from usage.resources.batches import Batch
from usage.resources.formats import Expression
from usage.staging.check import explanation


def keep_notices_statements(batch: Batch, notices: Sequence[FileNotice]) -> Sequence[Expression]:
    """Return the statement that keeps the notices of reading a file with its staged table, for each of its checks."""
    if not notices:
        return []
    kept = json.dumps([asdict(notice) for notice in notices])
    return [sql.SQL("COMMENT ON TABLE {} IS {}").format(batch.staged, sql.Literal(kept))]


def statements(resource: UploadResource, batch: Batch, *, has_notable: bool, has_repeats: bool) -> Sequence[Expression]:
    """Return the statements that fill `notices`, once all errors are known and the state of each row is settled."""
    return [
        _of_reading(batch),
        *resource.file_notices(batch),
        *([_of_rows(resource, batch)] if has_notable else []),
        *([_of_repeats(resource, batch)] if has_repeats else []),
    ]


def _of_reading(batch: Batch) -> Expression:
    return sql.SQL(
        """
        INSERT INTO {notices} (line, place, name, value, reason)
        SELECT found.line, 0, nullif(found."column", ''), nullif(found.value, ''), found.reason
        FROM jsonb_to_recordset(obj_description({staged}::regclass, 'pg_class')::jsonb)
            AS found (line bigint, "column" text, value text, reason text)
        """
    ).format(notices=batch.notices, staged=sql.Literal(batch.staged.as_string()))


def _of_rows(resource: UploadResource, batch: Batch) -> Expression:
    places = {column.name: place for place, column in enumerate(resource.present(batch), start=1)}
    explanations = [explanation(notice, places[notice.column]) for notice in resource.row_notices(batch)]
    return sql.SQL(
        """
        INSERT INTO {notices} (line, place, name, value, reason)
        SELECT r.line, explained.place, explained.name, left(explained.value, 1000), explained.reason
        FROM {rows} r JOIN {staged} staged ON staged.line = r.line {existing}
        CROSS JOIN LATERAL ({explanations}) explained (place, name, value, reason)
        WHERE r.notable AND r.state <> 'unchanged' AND explained.reason IS NOT NULL AND {applicable}
        """
    ).format(
        notices=batch.notices,
        rows=batch.rows,
        staged=batch.staged,
        existing=resource.existing(batch),
        explanations=sql.SQL(" UNION ALL ").join(explanations),
        applicable=batch.applicable,
    )


def _of_repeats(resource: UploadResource, batch: Batch) -> Expression:
    """Return the statement that notices rows equal to an earlier one, unless that one changes nothing either."""
    names = [name for name in resource._meta.import_id_fields if name != "account"] or ["account"]
    key = " or ".join(names)
    return sql.SQL(
        """
        INSERT INTO {notices} (line, place, name, value, reason)
        SELECT repeated.line, 0, NULL, NULL, concat(
            'The row equals row ', repeated.first, ', and is left out: both count once. ', {advice}::text
        )
        FROM {repeats} repeated JOIN {rows} r ON r.line = repeated.first
        WHERE r.state <> 'unchanged' AND {good}
        """
    ).format(
        notices=batch.notices,
        repeats=batch.repeats,
        rows=batch.rows,
        good=batch.good,
        advice=sql.Literal(f"If they are two, they need different values of {key}."),
    )
