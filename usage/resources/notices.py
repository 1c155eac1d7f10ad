"""Build the SQL of notices about several rows: days without data, and quantities far above the usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from django.db.models import Model
from psycopg import sql

from usage.models import ResourceUsage
from usage.resources.batches import Batch
from usage.resources.formats import Expression

# A stray day of another century must not make a file list every day since then.
_DAYS_BACK = 3660
_DAYS_LISTED = 10

# `days` are the days of the file, `spans` its first and last, and the account's last stored day before or after them.
_DAYS_WITHOUT_DATA = """
INSERT INTO {notices} (line, place, name, value, reason)
WITH days AS MATERIALIZED (
    SELECT r.account_id, {day} AS day, bool_or(r.state <> 'unchanged') AS writes
    FROM {rows} r
    WHERE NOT r.faulty
    GROUP BY 1, 2
),
spans AS (
    SELECT span.*, {latest} AS latest
    FROM (
        SELECT account_id, min(day) AS first, max(day) AS last FROM days GROUP BY account_id HAVING bool_or(writes)
    ) span
),
missing AS (
    SELECT spans.account_id, candidate.day::date AS day, candidate.day < spans.first AS is_before
    FROM spans
    CROSS JOIN LATERAL generate_series(
        greatest(least(spans.first, spans.latest + 1), spans.last - {days_back})::timestamp,
        (spans.last - 1)::timestamp,
        interval '1 day'
    ) candidate (day)
    WHERE NOT EXISTS (SELECT FROM days WHERE days.account_id = spans.account_id AND days.day = candidate.day::date)
        AND NOT {is_stored}
)
SELECT 0, 0, NULL, NULL, concat(
    {of_account}
    CASE WHEN is_before
        THEN 'Between the last day that has {noun} and the first day of the file, '
        ELSE 'Between the first and the last day of the file, ' END,
    CASE WHEN count(*) = 1 THEN '1 day has' ELSE to_char(count(*), 'FM999,999') || ' days have' END,
    ' no {noun}: ', array_to_string((array_agg(missing.day::text ORDER BY missing.day))[:{listed}], ', '),
    CASE WHEN count(*) > {listed} THEN ' …' END,
    '. If the data exist, upload them, too.'
)
FROM missing JOIN billing_account account ON account.id = missing.account_id
GROUP BY account.id, account.code, is_before
ORDER BY account.code, is_before DESC
"""

# The values of each resource as they will be. A median is at least the mean less a standard deviation, which is cheap
# to know for every row; only the rows that this leaves are compared with the median itself.
_FAR_ABOVE_USUAL = """
INSERT INTO {notices} (line, place, name, value, reason)
WITH given AS MATERIALIZED (
    SELECT r.line, r.account_id, r.resource_id, r.date AS day, r.quantity, r.state <> 'unchanged' AS writes
    FROM {rows} r
    WHERE {applicable}
),
groups AS (
    SELECT account_id, resource_id, min(day) AS first, max(day) AS last FROM given GROUP BY 1, 2 HAVING bool_or(writes)
),
amounts AS MATERIALIZED (
    SELECT line, account_id, resource_id, day, quantity, writes FROM given
    UNION ALL
    SELECT NULL, stored.account_id, stored.resource_id, stored.used_on, stored.quantity, false
    FROM groups JOIN {table} stored ON stored.account_id = groups.account_id AND stored.resource_id = groups.resource_id
        AND stored.used_on BETWEEN groups.first - 30 AND groups.last - 1
    WHERE NOT EXISTS (
        SELECT FROM given
        WHERE given.account_id = stored.account_id AND given.resource_id = stored.resource_id
            AND given.day = stored.used_on
    )
),
compared AS (
    SELECT *, count(*) OVER before AS values,
        avg(quantity) OVER before - stddev_pop(quantity) OVER before AS least_median
    FROM amounts
    WINDOW before AS (
        PARTITION BY account_id, resource_id ORDER BY day RANGE BETWEEN '30 days' PRECEDING AND '1 day' PRECEDING
    )
)
SELECT compared.line, {place}, 'quantity', compared.quantity::text, concat(
    'The quantity is more than 10 times the median of the 30 days before, which is ', trim_scale(round(median, 6)),
    '. Check it.'
)
FROM compared
CROSS JOIN LATERAL (
    SELECT avg(quantity) AS median
    FROM (
        SELECT before.quantity, row_number() OVER (ORDER BY before.quantity) AS place
        FROM amounts before
        WHERE before.account_id = compared.account_id AND before.resource_id = compared.resource_id
            AND before.day BETWEEN compared.day - 30 AND compared.day - 1
    ) ordered
    WHERE ordered.place IN ((compared.values + 1) / 2, (compared.values + 2) / 2)
) usual
WHERE compared.writes AND compared.values >= 7 AND compared.quantity > 10 * compared.least_median
    AND usual.median > 0 AND compared.quantity > 10 * usual.median
"""


@dataclass(frozen=True)
class Days:
    """Where a kind's days stand: the SQL day of a row `r`, and the stored table with its day or instant.

    `noun` names the data in a sentence: *calls*.
    """

    noun: LiteralString
    of_row: Expression
    model: type[Model]
    stored: str
    is_instant: bool = True


def days_without_data(batch: Batch, days: Days) -> Sequence[Expression]:
    """Return the statement that notices, for each account, days without data that the file leaves or makes.

    These are days between the first and the last of the file, and between the account's last stored day and the first
    of a file that goes on from there. Data that are stored already count; a first file has no days before it.
    """
    stored = sql.Identifier("stored", days.stored)
    table = sql.Identifier(days.model._meta.db_table)
    day: Expression = stored
    on_day = sql.SQL("{} = candidate.day::date").format(stored)
    if days.is_instant:
        day = sql.SQL("({} AT TIME ZONE 'UTC')::date").format(stored)
        on_day = sql.SQL(
            "{0} >= candidate.day AT TIME ZONE 'UTC' AND {0} < (candidate.day + interval '1 day') AT TIME ZONE 'UTC'"
        ).format(stored)
    latest = sql.SQL(
        "(SELECT {day} FROM {table} stored WHERE stored.account_id = span.account_id ORDER BY {stored} DESC LIMIT 1)"
    ).format(day=day, table=table, stored=stored)
    is_stored = sql.SQL("EXISTS (SELECT FROM {} stored WHERE stored.account_id = spans.account_id AND {})").format(
        table, on_day
    )
    is_of_one = batch.context.account is not None
    statement = sql.SQL(_DAYS_WITHOUT_DATA).format(
        notices=batch.notices,
        rows=batch.rows,
        day=days.of_row,
        latest=latest,
        is_stored=is_stored,
        days_back=_DAYS_BACK,
        listed=_DAYS_LISTED,
        noun=sql.SQL(days.noun),
        of_account=sql.SQL("") if is_of_one else sql.SQL("account.code, ': ',"),
    )
    return [statement]


def far_above_usual(batch: Batch, place: int) -> Expression:
    """Return the statement that notices quantities above 10 times the median of the 30 days before them.

    There must be 7 values or more; a median of 0 says nothing. The values are those of the account and resource as the
    file will leave them. `place` is the place of the column `quantity` in the file, from 1.
    """
    return sql.SQL(_FAR_ABOVE_USUAL).format(
        notices=batch.notices,
        rows=batch.rows,
        applicable=batch.applicable,
        table=sql.Identifier(ResourceUsage._meta.db_table),
        place=place,
    )
