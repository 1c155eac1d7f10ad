"""Write the files of errors: one lists every error, one holds the rows in error to fix and upload again."""

import csv
import io
from collections.abc import Sequence
from typing import BinaryIO, LiteralString

from django.db import connection, transaction
from psycopg import sql

from jobs.sql import fetch_all
from usage.files.errors import RowError
from usage.resources.base import COMMA
from usage.resources.batches import Batch
from usage.resources.formats import SPACES, Expression, ends_as_no_text, escaped, escaped_text, without_mark

# The last column of the file of rows in error; an upload ignores it.
REASON = "reason"
# Materialized: otherwise each parallel worker would aggregate all reasons for its share of the rows.
_ROWS_IN_ERROR = """
COPY (
    WITH explained AS MATERIALIZED (
        SELECT line, string_agg(concat(name || ': ', reason), ' ' ORDER BY place, reason) AS reasons,
            array_agg(name) AS names
        FROM (SELECT DISTINCT line, place, reason, name FROM {errors}) error
        GROUP BY line
    )
    SELECT {cells}, concat('Row ', staged.line, ': ', explained.reasons) AS {reason}
    FROM {staged} staged JOIN explained ON explained.line = staged.line
    ORDER BY staged.line
) TO STDOUT (FORMAT csv, HEADER)
"""


def first_errors(batch: Batch, limit: int) -> list[RowError]:
    """Return the first errors that the last check found, in the order of the file."""
    rows = fetch_all(sql.SQL("{} LIMIT {}").format(_errors(batch, sql.SQL("error.value")), limit))
    return [RowError(*row) for row in rows]


def write_errors(batch: Batch, file: BinaryIO) -> None:
    """Write every error that the last check found as CSV: line, column, value, reason."""
    errors = _errors(batch, sql.SQL("nullif({}, '')").format(escaped(sql.SQL("error.value"))), empty="NULL")
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(errors)) as copy,
    ):
        for chunk in copy:
            file.write(chunk)


def _errors(batch: Batch, value: Expression, *, empty: LiteralString = "''") -> sql.Composed:
    return sql.SQL(
        """
        SELECT error.line, coalesce(error.name, {empty}) AS "column", coalesce({value}, {empty}) AS value, error.reason
        FROM {errors} error
        ORDER BY error.line, error.place, error.reason
        """
    ).format(empty=sql.SQL(empty), value=value, errors=batch.errors)


def write_errors_of_refusal(errors: Sequence[RowError], file: BinaryIO) -> None:
    """Write the errors of a refused file as CSV, in the same form as `write_errors`."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "column", "value", "reason"])
    for error in errors:
        writer.writerow([error.line, escaped_text(error.column), escaped_text(error.value), error.reason])
    text.detach()


def write_rows_in_error(batch: Batch, columns: Sequence[str], file: BinaryIO) -> None:
    """Write the rows that the last check found in error, in their order, as CSV in UTF-8 with commas.

    `columns` names the columns of the checked file, in its order. `reason` follows them: the row's number in that file
    and all its errors. A row that could not be split into cells is written as it was found.
    """
    cells = [
        sql.SQL("{} AS {}").format(_cell(name, place), sql.Identifier(name))
        for place, name in enumerate(columns, start=1)
        if name != REASON
    ]
    statement = sql.SQL(_ROWS_IN_ERROR).format(
        cells=COMMA.join(cells), reason=sql.Identifier(REASON), staged=batch.staged, errors=batch.errors
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")  # a million rows are sorted and joined
        with cursor.copy(statement) as copy:
            for chunk in copy:
                file.write(chunk)


def _cell(name: str, place: int) -> Expression:
    """Return a cell's text, with an apostrophe where a spreadsheet would run it; an empty cell as NULL, without quotes.

    A leading tab is removed, as an upload does: what follows it may be a number or an instant, in which an upload would
    not ignore an apostrophe. A cell of a workbook that is no text keeps its mark if it is in error, so that it stays an
    error until it is corrected.
    """
    found = sql.SQL("(CASE WHEN staged.fault IS NULL THEN {} ELSE staged.found[{}] END)").format(
        sql.Identifier("staged", name), place
    )
    cell = sql.SQL("(CASE WHEN {} = ANY (explained.names) THEN {} ELSE {} END)").format(
        sql.Literal(name), found, without_mark(found)
    )
    # The first character quickly shows that nearly every cell can stay as it is.
    return sql.SQL(
        """
        CASE WHEN staged.fault IS NULL AND ascii({plain}) NOT IN ({odd}) AND NOT {is_marked} THEN {plain}
             WHEN ascii({cell}) IN ({marks}) THEN {escaped}
             WHEN ascii({cell}) IN ({tabs}) THEN nullif({trimmed}, '')
             ELSE nullif({cell}, '') END
        """
    ).format(
        plain=sql.Identifier("staged", name),
        is_marked=ends_as_no_text(sql.Identifier("staged", name)),
        odd=_codes("\0=@+-\t\r"),  # the first stands for an empty cell
        cell=cell,
        marks=_codes("=@+-"),
        escaped=escaped(cell),
        tabs=_codes("\t\r"),
        trimmed=escaped(sql.SQL("btrim({}, {})").format(cell, sql.Literal(SPACES))),
    )


def _codes(characters: str) -> Expression:
    return COMMA.join(sql.Literal(ord(character)) for character in characters)
