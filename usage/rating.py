"""Find the rate of a call, and rate unrated calls by the million."""

from uuid import UUID

from psycopg import sql

from billing import rating
from billing.models import Rate, RateSheetVersion, Subscription, TelcoCommitDiscount, UsageGroup
from jobs.sql import fetch_value
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
# Each join finds at most one row: constraints keep subscriptions, versions and discounts from overlapping.
_JOINS = """
LEFT JOIN {subscriptions} subscription ON subscription.account_id = {account_id}
    AND {day} >= subscription.activation_date
    AND ({day} <= subscription.ended_on OR subscription.ended_on IS NULL)
LEFT JOIN {versions} version ON version.rate_sheet_id = subscription.rate_sheet_id
    AND {day} >= version.effective_from
    AND ({day} <= version.effective_through OR version.effective_through IS NULL)
LEFT JOIN {discounts} discount ON discount.subscription_id = subscription.id
    AND ({day} >= discount.effective_from OR discount.effective_from IS NULL)
    AND ({day} <= discount.effective_through OR discount.effective_through IS NULL)
LEFT JOIN {groups} known_group ON known_group.version_id = version.id AND known_group.code = {call}.usage_group
LEFT JOIN {rates} price ON price.usage_group_id = known_group.id
    AND price.call_type = {call}.call_type AND price.direction = {call}.direction
"""


def rate_joins(call: Expression, started_at: Expression) -> sql.Composed:
    """Return the JOIN clauses that find everything that prices a call, as in force on the UTC day of its start.

    `call` is an alias of a row with `account_id`, `usage_group`, `call_type` and `direction`.
    """
    day = sql.SQL("({} AT TIME ZONE 'UTC')::date").format(started_at)
    return sql.SQL(_JOINS).format(**_TABLES, call=call, day=day, account_id=sql.SQL("{}.account_id").format(call))


def rating_columns(started_at: Expression, ended_at: Expression) -> dict[str, Expression]:
    """Return the value of each column that rating fills, from the tables of `rate_joins`.

    An unrated call has NULL in all of them except the version.
    """
    rate = rating.discounted_rate(sql.SQL("price.rate_per_minute"), sql.SQL("discount.percent"))
    duration = rating.duration_seconds(started_at, ended_at)
    adjusted = rating.adjusted_seconds(
        duration, sql.SQL("version.increment_seconds::bigint"), sql.SQL("version.minimum_seconds::bigint")
    )
    is_rated = sql.SQL("CASE WHEN price.id IS NOT NULL THEN {} END")
    return {
        "rate_sheet_version_id": sql.SQL("version.id"),
        "rate_per_minute": rate,
        "adjusted_seconds": is_rated.format(adjusted),
        "cost": is_rated.format(rating.total_cost(rate, sql.SQL("({})").format(adjusted))),
        # A foreign key makes it the sheet's currency, too.
        "currency": is_rated.format(sql.SQL("subscription.currency")),
    }


def rate_unrated_calls(upload_id: UUID | None = None) -> int:
    """Rate every unrated call that now has a rate; give the others the version in force at their start.

    Return the number of calls rated; rated calls stay as they are. Call it inside the transaction that changed rates or
    subscriptions: it waits for uploads under way, whose calls could not see the change, and later uploads wait for it.
    With an `upload_id`, the journal of that upload records what the calls were before.
    """
    lock_shared_tables()
    return int(fetch_value(unrated_calls_statement(upload_id)))


def unrated_calls_statement(upload_id: UUID | None) -> sql.Composed:
    """Return the statement of `rate_unrated_calls`. Its transaction must hold the lock on the shared tables."""
    return _statement(sql.SQL("true"), upload_id)


def rate_restored_calls(upload_id: UUID) -> int:
    """Rate the unrated calls among those that the upload changed; return the number of calls rated.

    Call it inside a transaction that holds the locks on their accounts.
    """
    is_restored = sql.SQL(
        """
        call.id IN (
            SELECT change.row_id FROM {} change WHERE change.upload_id = {}::uuid AND change.relation = {}
        )
        """
    ).format(sql.Identifier(UploadChange._meta.db_table), sql.Literal(str(upload_id)), sql.Literal(Call._meta.db_table))
    return int(fetch_value(_statement(is_restored, None)))


def _statement(condition: Expression, upload_id: UUID | None) -> sql.Composed:
    columns = rating_columns(sql.SQL("call.started_at"), sql.SQL("call.ended_at"))
    return sql.SQL(
        """
        WITH found AS (
            SELECT call.id, call.rate_sheet_version_id AS version_before, {values}
            FROM {calls} call {joins}
            WHERE call.rate_per_minute IS NULL AND {condition}
                AND (price.id IS NOT NULL OR version.id IS DISTINCT FROM call.rate_sheet_version_id)
        ),
        updated AS (
            UPDATE {calls} call SET {assignments} FROM found WHERE call.id = found.id RETURNING call.rate_per_minute
        )
        {journalled}
        SELECT count(rate_per_minute) FROM updated
        """
    ).format(
        calls=_TABLES["calls"],
        values=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns.items()
        ),
        joins=rate_joins(sql.SQL("call"), sql.SQL("call.started_at")),
        condition=condition,
        journalled=_journalled(upload_id, list(columns)) if upload_id else sql.SQL(""),
        assignments=sql.SQL(", ").join(sql.SQL("{0} = found.{0}").format(sql.Identifier(name)) for name in columns),
    )


def _journalled(upload_id: UUID, columns: list[str]) -> sql.Composed:
    """Return the part of the statement that journals each call's rating before and after."""
    unrated = {name: "found.version_before" if name == "rate_sheet_version_id" else "NULL" for name in columns}
    before = [f"'{name}', {value}" for name, value in unrated.items()]
    after = [f"'{name}', found.{name}" for name in columns]
    return sql.SQL(
        """
        , journalled AS (
            INSERT INTO {changes} (upload_id, relation, row_id, before, after)
            SELECT {upload}::uuid, {relation}, found.id, jsonb_build_object({before}), jsonb_build_object({after})
            FROM found
        )
        """
    ).format(
        changes=sql.Identifier(UploadChange._meta.db_table),
        upload=sql.Literal(str(upload_id)),
        relation=sql.Literal(Call._meta.db_table),
        before=sql.SQL(", ".join(before)),
        after=sql.SQL(", ".join(after)),
    )
