"""The differences between two reports: loads their rows into temporary tables and matches them by their type's key."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from billing.cycles import midnight
from reports.engine.file_format import Cells
from reports.engine.report_type import ColumnKind, ReportType
from reports.engine.rows import OnProgress, pour

CHANGE, CHANGED_COLUMNS = "Change", "Changed columns"
ADDED, REMOVED, CHANGED_BEFORE, CHANGED_AFTER = "added", "removed", "changed: before", "changed: after"
WORK_MEM = "64MB"

# Qualified, so that they name this session's temporary tables whatever else has these names.
_BEFORE, _AFTER, _FOUND = (sql.Identifier("pg_temp", name) for name in ("before", "after", "differences"))
_COMMA = sql.SQL(", ")


@dataclass(frozen=True, slots=True)
class DiffCounts:
    """The number of rows only in the second report, only in the first, in both with different cells, and equal in both.

    Rows of a type without a key are never `changed`: they are equal, or added and removed.
    """

    added: int
    removed: int
    changed: int
    unchanged: int

    @property
    def lines(self) -> int:
        """The number of lines of the file, without its headings: a changed row takes two."""
        return self.added + self.removed + 2 * self.changed


class ReportDiff:
    """Compares two reports of a type inside the caller's transaction; its end drops the temporary tables.

    Call `read_before`, `read_after`, `find` and `write` in this order. `cycle_starts` are the first days of the billing
    cycles that the reports touch, in order. The tables hold an empty cell as an empty text; no other cell is empty.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, report_type: ReportType, cycle_starts: Sequence[date] = ()
    ) -> None:
        self._connection = connection
        self._type = report_type
        self._cycle_starts = cycle_starts
        self._rows_before = 0
        self._names = [f"cell_{place}" for place in range(len(report_type.columns))]
        self._cells = list(map(sql.Identifier, self._names))
        self._execute(
            sql.SQL("SET LOCAL work_mem = {}; DROP TABLE IF EXISTS {}").format(
                sql.Literal(WORK_MEM), _COMMA.join([_BEFORE, _AFTER, _FOUND])
            )
        )

    def read_before(self, rows: Iterable[Cells], progress: OnProgress) -> int:
        """Read the rows of the first report one at a time, and return their number."""
        self._rows_before = self._read(_BEFORE, rows, progress)
        return self._rows_before

    def read_after(self, rows: Iterable[Cells], progress: OnProgress) -> int:
        """Read the rows of the second report one at a time, and return their number."""
        return self._read(_AFTER, rows, progress)

    def find(self) -> DiffCounts:
        """Match the rows in one long statement. Rows with equal keys are matched in the order in which they come."""
        differs = sql.SQL(" OR ").join(
            self._differs(place, sql.Identifier("before", name), sql.Identifier("after", name))
            for place, name in enumerate(self._names)
        )
        self._execute(
            sql.SQL(
                """CREATE TEMPORARY TABLE {found} ON COMMIT DROP AS
                SELECT row_number() OVER (ORDER BY {order}) AS number,
                    before.line IS NOT NULL AS is_before, after.line IS NOT NULL AS is_after, {cells}
                FROM ({before}) AS before FULL JOIN ({after}) AS after USING ({key})
                WHERE before.line IS NULL OR after.line IS NULL OR {differs}"""
            ).format(
                found=_FOUND,
                order=_COMMA.join(self._order()),
                cells=_COMMA.join(
                    sql.SQL("{side}.{cell} AS {name}").format(side=sql.SQL(side), cell=cell, name=_named(side, place))
                    for side in ("before", "after")
                    for place, cell in enumerate(self._cells)
                ),
                before=self._numbered(_BEFORE),
                after=self._numbered(_AFTER),
                key=_COMMA.join(map(sql.Identifier, self._key_names())),
                differs=differs,
            )
        )
        with self._connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT count(*) FILTER (WHERE NOT is_before), count(*) FILTER (WHERE NOT is_after),"
                    " count(*) FILTER (WHERE is_before AND is_after) FROM {}"
                )
                .format(_FOUND)
                .as_string(cursor.connection)
            )
            added, removed, changed = cursor.fetchone() or (0, 0, 0)
        return DiffCounts(added, removed, changed, self._rows_before - removed - changed)

    def write(self, target: BinaryIO, progress: OnProgress) -> int:
        """Write the differences as CSV in the order of the report, and return the number of lines after the headings.

        An added or removed row is one line. A changed row is two lines, the row before above the row after.
        """
        headings = [CHANGE, CHANGED_COLUMNS, *(column.heading for column in self._type.columns)]
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(headings)
        target.write(line.getvalue().encode())
        statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')").format(self._lines())
        with (
            self._connection.cursor() as cursor,
            self._connection.wrap_database_errors,
            cursor.copy(statement.as_string(cursor.connection)) as copy,
        ):
            return pour(copy, target, progress)

    def _read(self, table: sql.Identifier, rows: Iterable[Cells], progress: OnProgress) -> int:
        self._execute(
            sql.SQL("CREATE TEMPORARY TABLE {} (line bigint NOT NULL, {}) ON COMMIT DROP").format(
                table, _COMMA.join(sql.SQL('{} text COLLATE "C" NOT NULL').format(cell) for cell in self._cells)
            )
        )
        number = 0
        with (
            self._connection.cursor() as cursor,
            self._connection.wrap_database_errors,
            cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table).as_string(cursor.connection)) as copy,
        ):
            for number, row in enumerate(rows, start=1):
                copy.write_row([number, *(cell or "" for cell in row)])
                progress(number)
        self._execute(sql.SQL("ANALYZE {}").format(table))
        return number

    def _key_names(self) -> list[str]:
        return [f"key_{number}" for number in range(len(self._key()))] + ["occurrence"]

    def _key(self) -> list[sql.Composable]:
        """Return the key of a row: some of its cells, and the billing cycle of one of them if the type says so."""
        places = {column.heading: cell for column, cell in zip(self._type.columns, self._cells, strict=True)}
        key: list[sql.Composable] = [places[heading] for heading in self._type.key] or list(self._cells)
        if self._type.key and self._type.key_cycle:
            key.append(
                sql.SQL("coalesce(width_bucket(nullif({}, '')::timestamptz, {}::timestamptz[]), 0)").format(
                    places[self._type.key_cycle], sql.Literal([midnight(day) for day in self._cycle_starts])
                )
            )
        return key

    def _numbered(self, table: sql.Identifier) -> sql.Composed:
        """Return a query for the rows with their key and their position among the rows with the same key."""
        key = self._key()
        return sql.SQL(
            "SELECT *, {named}, row_number() OVER (PARTITION BY {key} ORDER BY line) AS occurrence FROM {table}"
        ).format(
            named=_COMMA.join(
                sql.SQL("{} AS {}").format(part, sql.Identifier(name))
                for part, name in zip(key, self._key_names(), strict=False)
            ),
            key=_COMMA.join(key),
            table=table,
        )

    def _order(self) -> list[sql.Composable]:
        """Return the order of the report, as far as its columns determine it."""
        order: list[sql.Composable] = []
        for expression in self._type.order_by:
            for column, cell in zip(self._type.columns, self._cells, strict=True):
                if column.expression == expression:
                    value = sql.SQL("coalesce(after.{0}, before.{0})").format(cell)
                    is_number = column.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL)
                    order.append(sql.SQL("nullif({}, '')::numeric").format(value) if is_number else value)
        return [*order, sql.SQL("after.line"), sql.SQL("before.line")]

    def _lines(self) -> sql.Composed:
        places = range(len(self._cells))
        changed = sql.SQL("concat_ws(', ', {})").format(
            _COMMA.join(
                sql.SQL("CASE WHEN {} THEN {} END").format(
                    self._differs(place, _named("before", place), _named("after", place)),
                    sql.Literal(self._type.columns[place].heading),
                )
                for place in places
            )
        )

        def side(number: int, present: str, other: str, alone: str, both: str) -> sql.Composed:
            return sql.SQL(
                "SELECT number, {part} AS part, CASE WHEN {other} THEN {both} ELSE {alone} END,"
                " CASE WHEN {other} THEN {changed} END, {cells} FROM {found} WHERE {present}"
            ).format(
                part=sql.Literal(number),
                present=sql.Identifier(f"is_{present}"),
                other=sql.Identifier(f"is_{other}"),
                both=sql.Literal(both),
                alone=sql.Literal(alone),
                changed=changed,
                cells=_COMMA.join(sql.SQL("nullif({}, '')").format(_named(present, place)) for place in places),
                found=_FOUND,
            )

        names = [sql.Identifier(f"column_{number}") for number in range(len(self._cells) + 2)]
        return sql.SQL("SELECT {} FROM ({} UNION ALL {}) AS line (number, part, {}) ORDER BY number, part").format(
            _COMMA.join(names),
            side(0, "before", "after", REMOVED, CHANGED_BEFORE),
            side(1, "after", "before", ADDED, CHANGED_AFTER),
            _COMMA.join(names),
        )

    def _differs(self, place: int, before: sql.Composable, after: sql.Composable) -> sql.Composed:
        """Return the condition that two cells of a column differ.

        Files of earlier versions have instants without milliseconds; with one of these, seconds are compared.
        """
        differs = sql.SQL("{} <> {}").format(before, after)
        if self._type.columns[place].kind is not ColumnKind.INSTANT:
            return differs
        return sql.SQL(
            """({differs} AND
                (left({before}, 19) <> left({after}, 19) OR least(length({before}), length({after})) <> 20))"""
        ).format(differs=differs, before=before, after=after)

    def _execute(self, statement: sql.Composed) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement.as_string(cursor.connection))


def _named(side: str, place: int) -> sql.Identifier:
    return sql.Identifier(f"{side}_{place}")
