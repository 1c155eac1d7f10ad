"""The files of errors: one of every error; one of the rows in error as they came, to be mended and sent again."""

import csv
import io
from collections.abc import Sequence
from typing import BinaryIO, LiteralString

from django.db import connection, transaction
from psycopg import sql

from usage.files.errors import RowError
from usage.resources.base import COMMA
from usage.resources.batches import Batch
from usage.resources.formats import SPACES, Expression, escaped, escaped_text

# The last column of the file, which an upload reads over.
REASON = "reason"
# Materialized: or else each of several processes would put all reasons together, for its part of the rows.
_ROWS_IN_ERROR = """
COPY (
 WITH e AS MATERIALIZED (
  SELECT line, string_agg(concat(name || ': ', reason), ' ' ORDER BY place, reason) AS reasons
  FROM (SELECT DISTINCT line, place, reason, name FROM {errors}) e GROUP BY line)
 SELECT {cells}, concat('Row ', t.line, ': ', e.reasons) AS {reason}
 FROM {table} t JOIN e ON e.line = t.line
 ORDER BY t.line
) TO STDOUT (FORMAT csv, HEADER)
"""


def first_errors(batch: Batch, limit: int) -> list[RowError]:
    """The first errors that the last check found, in the order of the file."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("{} LIMIT {}").format(_errors(batch, sql.SQL("e.value")), limit))
        return [RowError(*row) for row in cursor.fetchall()]


def write_errors(batch: Batch, file: BinaryIO) -> None:
    """Write every error that the last check found as CSV: line, column, value, reason."""
    errors = _errors(batch, sql.SQL("nullif({}, '')").format(escaped(sql.SQL("e.value"))), empty="NULL")
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(errors)) as copy,
    ):
        for chunk in copy:
            file.write(chunk)


def _errors(batch: Batch, value: Expression, *, empty: LiteralString = "''") -> sql.Composed:
    return sql.SQL(
        'SELECT e.line, coalesce(e.name, {e}) AS "column", coalesce({v}, {e}) AS value, e.reason FROM {errors} e '
        "ORDER BY e.line, e.place, e.reason"
    ).format(e=sql.SQL(empty), v=value, errors=batch.errors)


def write_errors_of_refusal(errors: Sequence[RowError], file: BinaryIO) -> None:
    """Write the errors of a refused file as CSV, as those of a staged one are written."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "column", "value", "reason"])
    for error in errors:
        writer.writerow([error.line, escaped_text(error.column), escaped_text(error.value), error.reason])
    text.detach()


def write_rows_in_error(batch: Batch, columns: Sequence[str], file: BinaryIO) -> None:
    """Write the rows that the last check found in error, in their order, as CSV in UTF-8 with commas.

    `columns` names the columns of the file that was checked, in its order. To those comes `reason`: the row's number in
    that file and all its errors. A row that could not be told into cells has what it was found to hold.
    """
    cells = [
        sql.SQL("{} AS {}").format(_cell(name, place), sql.Identifier(name))
        for place, name in enumerate(columns, start=1)
        if name != REASON
    ]
    statement = sql.SQL(_ROWS_IN_ERROR).format(
        cells=COMMA.join(cells), reason=sql.Identifier(REASON), table=batch.cells, errors=batch.errors
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")  # a million rows are sorted and joined
        with cursor.copy(statement) as copy:
            for chunk in copy:
                file.write(chunk)


def _cell(name: str, place: int) -> Expression:
    """The text of a cell, with an apostrophe where a spreadsheet would run it, or NULL, which needs no quotes.

    What follows a tab may be a number or an instant, in which no apostrophe is read over: the tab goes, as it does in
    an upload. The first character tells quickly that nearly every cell may stay as it is.
    """
    cell = sql.SQL("(CASE WHEN t.fault IS NULL THEN {} ELSE t.found[{}] END)").format(sql.Identifier("t", name), place)
    return sql.SQL(
        "CASE WHEN t.fault IS NULL AND ascii({plain}) NOT IN ({odd}) THEN {plain} "
        "WHEN ascii({cell}) IN ({marks}) THEN {escaped} WHEN ascii({cell}) IN ({tabs}) THEN nullif({trimmed}, '') "
        "ELSE nullif({cell}, '') END"
    ).format(
        plain=sql.Identifier("t", name),
        odd=_codes("\0=@+-\t\r"),  # the first: no character at all
        cell=cell,
        marks=_codes("=@+-"),
        escaped=escaped(cell),
        tabs=_codes("\t\r"),
        trimmed=escaped(sql.SQL("btrim({}, {})").format(cell, sql.Literal(SPACES))),
    )


def _codes(characters: str) -> Expression:
    return COMMA.join(sql.Literal(ord(character)) for character in characters)
