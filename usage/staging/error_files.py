"""Write the findings of a check: files of errors, of notices, and of the rows in error to fix and upload again."""

from collections.abc import Sequence
from typing import BinaryIO

from django.db import connection, transaction
from psycopg import sql

from usage.files.errors import RowError
from usage.files.formulas import guard_cell
from usage.resources.base import COMMA
from usage.resources.batches import Batch
from usage.resources.formats import (
    SPACES,
    Expression,
    ends_as_no_text,
    guarded,
    is_formula,
    starts_as_most,
    without_mark,
)
from usage.resources.tables import csv_line
from usage.staging.findings import in_order

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


def write_errors(batch: Batch, file: BinaryIO) -> None:
    """Write every error that the last check found as CSV: line, column, value, reason."""
    _write(batch.errors, file)


def write_notices(batch: Batch, file: BinaryIO) -> None:
    """Write every notice of the last check as CSV, in the same form as errors; line 0 is the file as a whole."""
    _write(batch.notices, file)


def _write(findings: sql.Identifier, file: BinaryIO) -> None:
    value = sql.SQL("nullif({}, '')").format(guarded(sql.SQL("found.value")))
    found = in_order(findings, value, guarded(sql.SQL("found.reason")), empty="NULL")
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(found)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in copy:
            file.write(chunk)


def write_errors_of_refusal(errors: Sequence[RowError], file: BinaryIO) -> None:
    """Write the errors of a refused file as CSV, in the same form as `write_errors`."""
    file.write(csv_line(["line", "column", "value", "reason"]))
    for error in errors:
        file.write(csv_line([str(error.line), *map(guard_cell, (error.column, error.value, error.reason))]))


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

    What can be run loses the space before it, as it does in an upload: a number or an instant may be left, in which an
    upload would not ignore an apostrophe. A cell of a workbook that is no text keeps its mark if it is in error, so
    that it stays an error until it is corrected.
    """
    plain = sql.Identifier("staged", name)
    found = sql.SQL("(CASE WHEN staged.fault IS NULL THEN {} ELSE staged.found[{}] END)").format(plain, place)
    cell = sql.SQL("(CASE WHEN {} = ANY (explained.names) THEN {} ELSE {} END)").format(
        sql.Literal(name), found, without_mark(found)
    )
    # The first character quickly shows that nearly every cell can stay as it is.
    return sql.SQL(
        """
        CASE WHEN staged.fault IS NULL AND {is_plain} THEN {plain}
             WHEN {starts_as_most} THEN {cell}
             WHEN {formula} THEN nullif({trimmed}, '')
             ELSE nullif({cell}, '') END
        """
    ).format(
        plain=plain,
        is_plain=sql.SQL("{} AND NOT {}").format(starts_as_most(plain), ends_as_no_text(plain)),
        starts_as_most=starts_as_most(cell),
        cell=cell,
        formula=is_formula(cell),
        trimmed=guarded(sql.SQL("btrim({}, {})").format(cell, sql.Literal(SPACES))),
    )
