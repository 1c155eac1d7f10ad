"""Calls rated by what an upload of rates or subscriptions wrote: by the upload itself, or since."""

from typing import LiteralString

from psycopg import sql

from billing import rating
from billing.models import Rate, RateSheetVersion, Subscription, TelcoCommitDiscount, UsageGroup
from jobs.sql import fetch_value
from usage.models import Call, Upload, UploadKind
from usage.rating import rate_joins, rating_columns
from usage.resources.formats import Expression
from usage.staging.journalled_rows import of_upload

_TABLES = {
    "rates": Rate,
    "groups": UsageGroup,
    "versions": RateSheetVersion,
    "subscriptions": Subscription,
    "discounts": TelcoCommitDiscount,
    "calls": Call,
}
# Calls that the upload itself rated, or gave a version, and that have not been written since.
_OWN: LiteralString = """
SELECT call.id FROM {changes} c JOIN {calls} call ON call.id = c.row_id
WHERE c.upload_id = {upload} AND c.relation = 'usage_call' AND to_jsonb(call) @> c.after
 AND (call.upload_id IS NULL OR call.upload_id NOT IN {later})
"""
_DAY: LiteralString = "(call.started_at AT TIME ZONE 'UTC')::date"
# Calls that the written rows can have rated. `is_certain`: nothing else can have rated them.
_BY_RATES: LiteralString = """
SELECT call.id, true AS is_certain FROM {calls} call JOIN {changes} c ON c.row_id = call.rate_sheet_version_id
WHERE c.upload_id = {upload} AND c.relation = 'billing_ratesheetversion' AND c.before IS NULL
UNION ALL
SELECT call.id, c.before IS NULL
FROM {changes} c JOIN {groups} known ON known.id = (c.after ->> 'usage_group_id')::bigint
JOIN {calls} call ON call.rate_sheet_version_id = known.version_id AND call.usage_group = known.code
 AND call.call_type = c.after ->> 'call_type' AND call.direction = c.after ->> 'direction'
WHERE c.upload_id = {upload} AND c.relation = 'billing_rate'
 AND c.before -> 'rate_per_minute' IS DISTINCT FROM c.after -> 'rate_per_minute'
UNION ALL
SELECT call.id, false
FROM {changes} c
CROSS JOIN LATERAL jsonb_populate_record(NULL::{versions}, c.before) earlier
CROSS JOIN LATERAL jsonb_populate_record(NULL::{versions}, c.after) now
JOIN {calls} call ON call.rate_sheet_version_id = c.row_id
WHERE c.upload_id = {upload} AND c.relation = 'billing_ratesheetversion' AND c.before IS NOT NULL
 AND ({adjusted_earlier} <> {adjusted_now}
  OR {day} < earlier.effective_from OR {day} > earlier.effective_through)
UNION ALL
SELECT call.id, false
FROM {changes} c JOIN {versions} version ON version.rate_sheet_id = c.row_id
JOIN {calls} call ON call.rate_sheet_version_id = version.id
WHERE c.upload_id = {upload} AND c.relation = 'billing_ratesheet' AND c.before ->> 'currency' <> c.after ->> 'currency'
"""
_BY_SUBSCRIPTIONS: LiteralString = """
SELECT call.id, false AS is_certain
FROM (
 SELECT now.account_id, now.activation_date, now.ended_on, earlier.activation_date AS first, earlier.ended_on AS last,
  c.before IS NULL OR earlier.rate_sheet_id IS DISTINCT FROM now.rate_sheet_id AS is_other
 FROM {changes} c
 CROSS JOIN LATERAL jsonb_populate_record(NULL::{subscriptions}, c.before) earlier
 CROSS JOIN LATERAL jsonb_populate_record(NULL::{subscriptions}, c.after) now
 WHERE c.upload_id = {upload} AND c.relation = 'billing_subscription'
 UNION ALL
 SELECT s.account_id, s.activation_date, s.ended_on, NULL, NULL, true FROM {subscriptions} s
 WHERE s.id IN (SELECT (coalesce(c.after, c.before) ->> 'subscription_id')::bigint FROM {changes} c
  WHERE c.upload_id = {upload} AND c.relation = 'billing_telcocommitdiscount')
) s
JOIN {calls} call ON call.account_id = s.account_id
 AND {day} >= s.activation_date AND ({day} <= s.ended_on OR s.ended_on IS NULL)
WHERE s.is_other OR {day} < s.first OR {day} > s.last
"""
# Rated since: written or rated by a later upload; or, if the time is unknown, rated as the current rates would.
_SINCE: LiteralString = """
SELECT count(DISTINCT call.id) FROM ({candidates}) x JOIN {calls} call ON call.id = x.id {joins}
WHERE call.rate_per_minute IS NOT NULL AND call.id NOT IN ({own})
 AND (x.is_certain OR call.upload_id IN {later}
  OR call.id IN (SELECT c.row_id FROM {changes} c WHERE c.upload_id IN {later} AND c.relation = 'usage_call'
   AND c.after IS NOT NULL)
  OR ({stored}) IS NOT DISTINCT FROM ({present}))
"""
_UNRATED_AGAIN: LiteralString = """
UPDATE {calls} call SET rate_sheet_version_id = NULL, rate_per_minute = NULL, adjusted_seconds = NULL, cost = NULL,
 currency = NULL WHERE call.id IN ({own})
"""
_WITHOUT_VERSION: LiteralString = """
UPDATE {calls} call SET rate_sheet_version_id = NULL
WHERE call.rate_per_minute IS NULL AND call.rate_sheet_version_id IN
 (SELECT c.row_id FROM {changes} c WHERE c.upload_id = {upload} AND c.relation = 'billing_ratesheetversion'
  AND c.before IS NULL)
"""


def rated_itself(upload: Upload) -> int:
    """Count the calls that the upload itself rated and that are unchanged since: they lose their rating."""
    if upload.kind not in _CANDIDATES:
        return 0
    statement = of_upload(
        upload, "SELECT count(call.rate_per_minute) FROM {calls} call WHERE call.id IN ({own})", own=_own(upload)
    )
    return int(fetch_value(statement))


def rated_since(upload: Upload) -> int:
    """How many other calls were rated by what the upload wrote, or may have been."""
    if upload.kind not in _CANDIDATES:
        return 0
    columns = rating_columns(sql.SQL("call.started_at"), sql.SQL("call.ended_at"))
    statement = of_upload(
        upload,
        _SINCE,
        candidates=_of_calls(upload, _CANDIDATES[UploadKind(upload.kind)]),
        joins=rate_joins(sql.SQL("call"), sql.SQL("call.started_at")),
        own=_own(upload),
        stored=sql.SQL(", ").join(sql.Identifier("call", name) for name in columns),
        present=sql.SQL(", ").join(columns.values()),
    )
    return int(fetch_value(statement))


def unrating(upload: Upload) -> list[Expression]:
    """The statements by which calls lose the rating that the upload's own follow-up gave them, and removed versions."""
    if upload.kind not in _CANDIDATES:
        return []
    return [of_upload(upload, _UNRATED_AGAIN, own=_own(upload)), of_upload(upload, _WITHOUT_VERSION)]


_CANDIDATES: dict[UploadKind, LiteralString] = {
    UploadKind.RATES: _BY_RATES,
    UploadKind.SUBSCRIPTIONS: _BY_SUBSCRIPTIONS,
}


def _own(upload: Upload) -> sql.Composed:
    return of_upload(upload, _OWN)


def _of_calls(upload: Upload, text: LiteralString) -> sql.Composed:
    tables = {name: sql.Identifier(model._meta.db_table) for name, model in _TABLES.items()}
    return of_upload(
        upload,
        text,
        **tables,
        day=sql.SQL(_DAY),
        adjusted_earlier=_adjusted("earlier"),
        adjusted_now=_adjusted("now"),
    )


def _adjusted(version: str) -> Expression:
    duration = rating.duration_seconds(sql.SQL("call.started_at"), sql.SQL("call.ended_at"))
    names = (sql.Identifier(version, name) for name in ("increment_seconds", "minimum_seconds"))
    increment, minimum = (sql.SQL("{}::bigint").format(name) for name in names)
    return sql.SQL("({})").format(rating.adjusted_seconds(duration, increment, minimum))
