"""Build the SQL of notices of a price file: what it does to prices that it does not name, and to rated calls."""

from collections.abc import Mapping, Sequence

from psycopg import sql

from usage.models import Call
from usage.resources.batches import Batch
from usage.resources.formats import Expression

_CALLS = sql.Identifier(Call._meta.db_table)

# `planned` holds every version of the file's sheets as it will be, `version` the same one as it is. `outside` are its
# prices that the file names neither in this version nor, where it ends earlier, in the one that begins then.
_UNNAMED = """
INSERT INTO {notices} (line, place, name, value, reason)
WITH moved AS (
    SELECT version.id, sheet.id AS sheet_id, planned.rate_sheet, planned.effective_from,
        version.effective_through AS was_through, planned.effective_through AS through,
        coalesce(planned.effective_through, 'infinity') < coalesce(version.effective_through, 'infinity') AS is_shorter,
        CASE WHEN coalesce(planned.effective_through, 'infinity') < coalesce(version.effective_through, 'infinity')
            THEN planned.effective_through + 1 ELSE version.effective_through + 1 END AS since
    FROM {planned} planned
    JOIN {sheets} sheet ON sheet.name = planned.rate_sheet
    JOIN {versions} version ON version.rate_sheet_id = sheet.id AND version.effective_from = planned.effective_from
    WHERE planned.effective_through IS DISTINCT FROM version.effective_through
),
outside AS (
    SELECT moved.*, known.code, price.call_type, price.direction
    FROM moved
    JOIN {groups} known ON known.version_id = moved.id
    JOIN {rates} price ON price.usage_group_id = known.id
    WHERE NOT EXISTS (
        SELECT FROM {rows} r
        WHERE r.rate_sheet = moved.rate_sheet AND r.usage_group = known.code AND r.call_type = price.call_type
            AND r.direction = price.direction AND {applicable}
            AND r.effective_from IN (moved.effective_from, CASE WHEN moved.is_shorter THEN moved.since END)
    ) AND NOT (moved.is_shorter AND EXISTS (
        SELECT FROM {versions} successor
        JOIN {groups} its_group ON its_group.version_id = successor.id AND its_group.code = known.code
        JOIN {rates} its_price ON its_price.usage_group_id = its_group.id
            AND its_price.call_type = price.call_type AND its_price.direction = price.direction
        WHERE successor.rate_sheet_id = moved.sheet_id AND successor.effective_from = moved.since
    ))
),
counted AS (
    SELECT sheet_id, rate_sheet, is_shorter, since, was_through, through,
        count(DISTINCT code) AS groups, string_agg(DISTINCT code, ', ' ORDER BY code) AS codes,
        array_agg(DISTINCT code) AS list
    FROM outside
    GROUP BY sheet_id, rate_sheet, is_shorter, since, was_through, through
),
concerned AS (
    SELECT counted.*,
        (SELECT count(*) FROM {subscriptions} subscription
         WHERE subscription.rate_sheet_id = sheet_id AND coalesce(subscription.ended_on >= since, true)
        ) AS subscribed,
        (SELECT count(*) FROM {calls} call
         WHERE call.rate_per_minute IS NULL AND call.usage_group = ANY (list)
            AND call.started_at >= since::timestamp AT TIME ZONE 'UTC'
            AND call.account_id IN (
                SELECT subscription.account_id FROM {subscriptions} subscription
                WHERE subscription.rate_sheet_id = sheet_id
            )
        ) AS unrated
    FROM counted
)
SELECT 0, 0, NULL, NULL, concat(
    groups, CASE WHEN groups = 1 THEN ' usage group (' ELSE ' usage groups (' END, left(codes, 200),
    CASE WHEN length(codes) > 200 THEN ' …' END, ') ',
    CASE
        WHEN is_shorter THEN concat(CASE WHEN groups = 1 THEN 'has' ELSE 'have' END, ' no price from ', since, ' on')
        ELSE concat(
            CASE WHEN groups = 1 THEN 'keeps its price' ELSE 'keep their prices' END, ' beyond ', was_through,
            CASE WHEN through IS NULL THEN ', until further notice' ELSE concat(', through ', through) END
        )
    END,
    ': the file does not name ', CASE WHEN groups = 1 THEN 'it' ELSE 'them' END, '. This concerns sheet ', rate_sheet,
    ', ', subscribed, CASE WHEN subscribed = 1 THEN ' subscription' ELSE ' subscriptions' END,
    ' and ', unrated, CASE WHEN unrated = 1 THEN ' unrated call' ELSE ' unrated calls' END,
    '. Name every usage group in the file if that is not meant.'
)
FROM concerned
ORDER BY rate_sheet, since
"""
_CHANGED_RULES = """
INSERT INTO {notices} (line, place, name, value, reason)
WITH changed AS (
    SELECT DISTINCT r.rate_sheet, r.effective_from, version.id, version.{rule} AS before, r.{rule} AS after
    FROM {rows} r
    JOIN {sheets} sheet ON sheet.name = r.rate_sheet
    JOIN {versions} version ON version.rate_sheet_id = sheet.id AND version.effective_from = r.effective_from
    WHERE version.{rule} <> r.{rule} AND {applicable}
),
outside AS (
    SELECT changed.*, known.code
    FROM changed JOIN {groups} known ON known.version_id = changed.id
    WHERE NOT EXISTS (
        SELECT FROM {rows} r
        WHERE r.rate_sheet = changed.rate_sheet AND r.effective_from = changed.effective_from
            AND r.usage_group = known.code AND {applicable}
    )
),
counted AS (
    SELECT rate_sheet, effective_from, before, after, count(*) AS groups, string_agg(code, ', ' ORDER BY code) AS codes
    FROM outside
    GROUP BY rate_sheet, effective_from, before, after
)
SELECT 0, 0, NULL, NULL, concat(
    'Sheet ', rate_sheet, ', version from ', effective_from, {sentence}, before, ' to ', after, ', also for ', groups,
    CASE WHEN groups = 1 THEN ' usage group (' ELSE ' usage groups (' END, left(codes, 200),
    CASE WHEN length(codes) > 200 THEN ' …' END, ') that the file does not name.'
    ' Start a new version if that is not meant.'
)
FROM counted
ORDER BY rate_sheet, effective_from
"""
_CORRECTED = """
INSERT INTO {notices} (line, place, name, value, reason)
WITH corrected AS MATERIALIZED (
    SELECT r.line, version.id, r.usage_group, r.call_type, r.direction, old.rate_per_minute
    FROM {rows} r {existing}
    WHERE r.state = 'changed' AND {applicable} AND ({is_corrected})
),
rated AS (
    SELECT rate_sheet_version_id, usage_group, call_type, direction, count(*) AS calls
    FROM {calls}
    WHERE rate_per_minute IS NOT NULL AND rate_sheet_version_id = ANY (ARRAY(SELECT id FROM corrected))
        AND EXISTS (SELECT FROM corrected)
    GROUP BY rate_sheet_version_id, usage_group, call_type, direction
)
SELECT corrected.line, {place}, 'rate_per_minute', staged.rate_per_minute, concat(
    rated.calls, CASE WHEN rated.calls = 1 THEN ' call was' ELSE ' calls were' END, ' rated with ',
    trim_scale(corrected.rate_per_minute), ' under this version and ',
    CASE WHEN rated.calls = 1 THEN 'keeps its cost' ELSE 'keep their costs' END,
    '. The correction is for calls rated from now on.'
)
FROM corrected
JOIN rated ON rated.rate_sheet_version_id = corrected.id AND rated.usage_group = corrected.usage_group
    AND rated.call_type = corrected.call_type AND rated.direction = corrected.direction
JOIN {staged} staged ON staged.line = corrected.line
"""
_RULES = {"increment_seconds": " changes its increment from ", "minimum_seconds": " changes its minimum from "}


def unnamed_prices(batch: Batch, tables: Mapping[str, sql.Identifier]) -> Sequence[Expression]:
    """Return the statements that notice what the file does to prices of usage groups that it does not name.

    They lose their price where their version ends earlier, get one where it ends later, and change it where the
    version's increment or minimum changes. `planned` must be complete.
    """
    names = {
        **tables, "calls": _CALLS, "notices": batch.notices, "rows": batch.rows, "applicable": batch.applicable,
    }  # fmt: skip
    return [
        sql.SQL(_UNNAMED).format(**names, planned=batch.planned),
        *(
            sql.SQL(_CHANGED_RULES).format(**names, rule=sql.Identifier(rule), sentence=sql.Literal(sentence))
            for rule, sentence in _RULES.items()
            if rule in batch.present
        ),
    ]


def corrected_prices(batch: Batch, existing: Expression, place: int) -> Expression:
    """Return the statement that notices prices that change under calls already rated with them.

    `existing` is the resource's join of `old` and `version`; `place` is the place of `rate_per_minute` in the file.
    """
    differences = [sql.SQL("old.rate_per_minute <> r.rate_per_minute")] + [
        sql.SQL("version.{0} <> r.{0}").format(sql.Identifier(rule)) for rule in _RULES if rule in batch.present
    ]
    return sql.SQL(_CORRECTED).format(
        notices=batch.notices,
        rows=batch.rows,
        staged=batch.staged,
        existing=existing,
        applicable=batch.applicable,
        is_corrected=sql.SQL(" OR ").join(differences),
        calls=_CALLS,
        place=place,
    )
