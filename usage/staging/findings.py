"""Read what a check found: its errors and notices, in the order of the file or counted by reason."""

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from jobs.sql import fetch_all
from usage.files.errors import FileNotice, RowError
from usage.resources.batches import Batch
from usage.resources.formats import Expression

# Two reasons that differ only in these are one: they name another value, row, day or number.
_VARIABLE = """"[^"]*"|[0-9][0-9.,:-]*[0-9]|[0-9]"""


@dataclass(frozen=True)
class Group:
    """All findings of one reason: how many, their column (empty if none), a sentence, and the first row (0: no row).

    `…` in the sentence stands for what differs between them.
    """

    count: int
    column: str
    reason: str
    line: int


def first_errors(batch: Batch, limit: int) -> list[RowError]:
    """Return the first errors that the last check found, in the order of the file."""
    return [RowError(*row) for row in _first(batch.errors, limit)]


def first_notices(batch: Batch, limit: int) -> list[FileNotice]:
    """Return the first notices of the last check: those of the whole file, then in the order of its rows."""
    return [FileNotice(*row) for row in _first(batch.notices, limit)]


def groups(findings: sql.Identifier, limit: int) -> list[Group]:
    """Return the findings of a table, `errors` or `notices`, counted by column and reason, the most frequent first."""
    rows = fetch_all(
        sql.SQL(
            """
            SELECT sum(number), column_name, CASE WHEN count(*) = 1 THEN min(reason) ELSE kind END, min(line)
            FROM (
                SELECT coalesce(name, '') AS column_name, reason, regexp_replace(reason, {variable}, '…', 'g') AS kind,
                    count(*) AS number, min(line) AS line
                FROM {findings}
                GROUP BY 1, 2
            ) reasons
            GROUP BY column_name, kind
            ORDER BY 1 DESC, 4, 2, 3
            LIMIT {limit}
            """
        ).format(findings=findings, variable=sql.Literal(_VARIABLE), limit=limit)
    )
    return [Group(int(count), column, reason, line) for count, column, reason, line in rows]


def in_order(
    findings: sql.Identifier, value: Expression, reason: Expression, *, empty: LiteralString = "''"
) -> sql.Composed:
    """Return the query for the findings of a table, as (line, column, value, reason), in the order of the file.

    `value` and `reason` are expressions of those of `found`, `empty` is what stands for no column and no value.
    """
    return sql.SQL(
        """
        SELECT found.line, coalesce(found.name, {empty}) AS "column", coalesce({value}, {empty}) AS value,
            {reason} AS reason
        FROM {findings} found
        ORDER BY found.line, found.place, found.reason
        """
    ).format(empty=sql.SQL(empty), value=value, reason=reason, findings=findings)


def _first(findings: sql.Identifier, limit: int) -> list[tuple[Any, ...]]:
    found = in_order(findings, sql.SQL("found.value"), sql.SQL("found.reason"))
    return fetch_all(sql.SQL("{} LIMIT {}").format(found, limit))
