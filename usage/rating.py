"""Finding the rate of a call, and rating by the million the calls that lack one."""

from uuid import UUID

from django.db import connection
from psycopg import sql

from billing import rating
from billing.models import Rate, RateSheetVersion, Subscription, TelcoCommitDiscount, UsageGroup
from usage.locks import lock_shared_tables
from usage.models import Call, UploadChange

Expression = sql.Composable

_TABLES = {
    "subscriptions": sql.Identifier(Subscription._meta.db_table),
    "versions": sql.Identifier(RateSheetVersion._meta.db_table),
    "discounts": sql.Identifier(TelcoCommitDiscount._meta.db_table),
    "groups": sql.Identifier(UsageGroup._meta.db_table),
    "rates": sql.Identifier(Rate._meta.db_table),
    "calls": sql.Identifier(Call._meta.db_table),
}
# Each join finds one row at most: the database lets neither subscriptions, versions nor discounts overlap.
_JOINS = """
 LEFT JOIN {subscriptions} s ON s.account_id = {account_id}
  AND {day} >= s.activation_date AND ({day} <= s.ended_on OR s.ended_on IS NULL)
 LEFT JOIN {versions} v ON v.rate_sheet_id = s.rate_sheet_id
  AND {day} >= v.effective_from AND ({day} <= v.effective_through OR v.effective_through IS NULL)
 LEFT JOIN {discounts} d ON d.subscription_id = s.id
  AND ({day} >= d.effective_from OR d.effective_from IS NULL)
  AND ({day} <= d.effective_through OR d.effective_through IS NULL)
 LEFT JOIN {groups} g ON g.version_id = v.id AND g.code = {call}.usage_group
 LEFT JOIN {rates} p ON p.usage_group_id = g.id AND p.call_type = {call}.call_type AND p.direction = {call}.direction
"""


def rate_joins(call: Expression, started_at: Expression) -> sql.Composed:
    """The JOIN clauses that find what prices a call: everything in force on the UTC day of its start.

    `call` is an alias with `account_id`, `usage_group`, `call_type` and `direction`.
    """
    day = sql.SQL("({} AT TIME ZONE 'UTC')::date").format(started_at)
    return sql.SQL(_JOINS).format(**_TABLES, call=call, day=day, account_id=sql.SQL("{}.account_id").format(call))


def rating_columns(started_at: Expression, ended_at: Expression) -> dict[str, Expression]:
    """The columns of a call that rating fills, from the tables of `rate_joins`; unrated: NULL but for the version."""
    rate = rating.discounted_rate(sql.SQL("p.rate_per_minute"), sql.SQL("d.percent"))
    duration = rating.duration_seconds(started_at, ended_at)
    adjusted = rating.adjusted_seconds(
        duration, sql.SQL("v.increment_seconds::bigint"), sql.SQL("v.minimum_seconds::bigint")
    )
    is_rated = sql.SQL("CASE WHEN p.id IS NOT NULL THEN {} END")
    return {
        "rate_sheet_version_id": sql.SQL("v.id"),
        "rate_per_minute": rate,
        "adjusted_seconds": is_rated.format(adjusted),
        "cost": is_rated.format(rating.total_cost(rate, sql.SQL("({})").format(adjusted))),
        "currency": is_rated.format(sql.SQL("v.currency")),
    }


def rate_unrated_calls(upload_id: UUID | None = None) -> int:
    """Rate every unrated call that now has a rate; give the others the version in force at their start.

    Returns the number of calls rated. Touches no rated call. Call it inside the transaction that changed rates or
    subscriptions: it waits for uploads under way, whose calls could not see the change, and later ones wait for it.
    `upload_id`: the upload by which calls are rated, which is then told what they were before.
    """
    lock_shared_tables()
    return _rated(unrated_calls_statement(upload_id))


def unrated_calls_statement(upload_id: UUID | None) -> sql.Composed:
    """Return the statement of `rate_unrated_calls`; its transaction must hold the shared tables."""
    return _statement(sql.SQL("true"), upload_id)


def rate_restored_calls(upload_id: UUID) -> int:
    """Rate the unrated ones of the calls that the upload changed; inside a transaction that holds their accounts."""
    is_restored = sql.SQL(
        "c.id IN (SELECT r.row_id FROM {} r WHERE r.upload_id = {}::uuid AND r.relation = {})"
    ).format(sql.Identifier(UploadChange._meta.db_table), sql.Literal(str(upload_id)), sql.Literal(Call._meta.db_table))
    return _rated(_statement(is_restored, None))


def _rated(statement: Expression) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def _statement(condition: Expression, upload_id: UUID | None) -> sql.Composed:
    columns = rating_columns(sql.SQL("c.started_at"), sql.SQL("c.ended_at"))
    return sql.SQL(
        "WITH found AS (SELECT c.id, c.rate_sheet_version_id AS version_before, {values} "
        "FROM {calls} c {joins} WHERE c.rate_per_minute IS NULL AND {condition} "
        "AND (p.id IS NOT NULL OR v.id IS DISTINCT FROM c.rate_sheet_version_id)), "
        "updated AS (UPDATE {calls} c SET {assignments} FROM found WHERE c.id = found.id RETURNING c.rate_per_minute)"
        "{recorded} SELECT count(rate_per_minute) FROM updated"
    ).format(
        calls=_TABLES["calls"],
        values=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns.items()
        ),
        joins=rate_joins(sql.SQL("c"), sql.SQL("c.started_at")),
        condition=condition,
        recorded=_recorded(upload_id, list(columns)) if upload_id else sql.SQL(""),
        assignments=sql.SQL(", ").join(sql.SQL("{0} = found.{0}").format(sql.Identifier(name)) for name in columns),
    )


def _recorded(upload_id: UUID, columns: list[str]) -> sql.Composed:
    """The part of the statement that writes down each call's rating as it was and as it is."""
    unrated = {name: "found.version_before" if name == "rate_sheet_version_id" else "NULL" for name in columns}
    before = [f"'{name}', {value}" for name, value in unrated.items()]
    after = [f"'{name}', found.{name}" for name in columns]
    return sql.SQL(
        ", recorded AS (INSERT INTO {changes} (upload_id, relation, row_id, before, after) "
        "SELECT {upload}::uuid, {relation}, found.id, jsonb_build_object({before}), jsonb_build_object({after}) "
        "FROM found)"
    ).format(
        changes=sql.Identifier(UploadChange._meta.db_table),
        upload=sql.Literal(str(upload_id)),
        relation=sql.Literal(Call._meta.db_table),
        before=sql.SQL(", ".join(before)),
        after=sql.SQL(", ".join(after)),
    )
