"""Build the SQL that turns a staged table into checked rows: tables of typed values, of errors, of repeated rows."""

from collections.abc import Sequence
from functools import cache

from psycopg import sql

from usage.resources.base import COMMA, Check, UploadResource
from usage.resources.batches import Batch
from usage.resources.columns import UploadColumn
from usage.resources.formats import Expression, ends_as_no_text, without_mark

_EMPTY = "The cell is empty; it needs a value."


def _named(prefix: str, column: UploadColumn) -> sql.Identifier:
    return sql.Identifier(prefix, column.name)


def _raw(column: UploadColumn) -> sql.Identifier:
    return sql.Identifier(f"{column.name}__raw")


def _trimmed(value: Expression, characters: str, *, keeps_mark: bool = False) -> Expression:
    """Return the value without these characters at both ends, or NULL if nothing is left.

    `keeps_mark`: one that comes from a workbook's cell that is no text stays as it is.
    """
    # Nearly every cell begins and ends with a visible ASCII character: that is cheap to see, and nothing is trimmed.
    return sql.SQL(
        """
        CASE WHEN ascii({value}) BETWEEN 33 AND 127 AND ascii(right({value}, 1)) BETWEEN 33 AND 127 THEN {value}
             {marked} ELSE nullif(btrim({value}, {characters}), '') END
        """
    ).format(
        value=value,
        characters=sql.Literal(characters),
        marked=sql.SQL("WHEN {} THEN {}").format(ends_as_no_text(value), value) if keeps_mark else sql.SQL(""),
    )


def _or(conditions: Sequence[Expression]) -> Expression:
    return sql.SQL(" OR ").join(sql.SQL("coalesce({}, false)").format(one) for one in conditions)


def account_codes(resource: UploadResource, batch: Batch) -> sql.Composed:
    """Return the query for the IDs of the existing accounts that a file names in its column."""
    widget = resource.fields["account"].widget
    return sql.SQL(
        """
        SELECT id FROM billing_account
        WHERE code IN (SELECT {code} FROM (SELECT DISTINCT {trimmed} AS account FROM {staged} staged) named)
        """
    ).format(
        code=widget.typed(sql.SQL("named.account")),
        trimmed=_trimmed(sql.SQL("staged.account"), widget.trimmed),
        staged=batch.staged,
    )


def rows_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """Return the statement that creates `rows`: typed values, references, `faulty`, `notable`, `state`.

    `state` is new, changed or unchanged; `notable` rows have row notices, unless they are faulty or unchanged.

    OFFSET 0 fences off each layer: PostgreSQL would otherwise inline its expressions into the next layer and compute
    them again for every mention.
    """
    columns = resource.present(batch)
    checks = [check.condition for check in resource.checks(batch)]
    notices = [notice.condition for notice in resource.row_notices(batch)]
    look_ups = resource.look_ups(batch)
    kept = [sql.Identifier("r", column.name) for column in columns] + [sql.Identifier("r", one[0]) for one in look_ups]
    return sql.SQL(
        """
        {create_table} {rows} AS
        SELECT r.line, {kept}, r.malformed OR {checks} AS faulty, {notices} AS notable, old.id AS old_id,
            CASE WHEN old.id IS NULL THEN 'new' WHEN {changed} THEN 'changed' ELSE 'unchanged' END AS state
        FROM (
            SELECT typed.line, {values}, {malformed} AS malformed FROM ({typed}) typed {joins} OFFSET 0
        ) r {existing}
        """
    ).format(
        create_table=batch.create_table,
        rows=batch.rows,
        kept=COMMA.join(kept),
        checks=_or(checks) if checks else sql.SQL("false"),
        notices=_or(notices) if notices else sql.SQL("false"),
        changed=resource.is_changed(batch),
        values=COMMA.join(
            [_named("typed", column) for column in columns]
            + [sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value, _join in look_ups]
        ),
        malformed=_malformed(columns),
        typed=_typed_layer(columns, batch),
        joins=sql.SQL(" ").join(join for _name, _value, join in look_ups),
        existing=resource.existing(batch),
    )


def _malformed(columns: Sequence[UploadColumn]) -> Expression:
    conditions: list[Expression] = [sql.SQL("typed.fault IS NOT NULL")]
    for column in columns:
        is_missing = sql.SQL("{} IS NULL").format(_named("typed", column))
        if column.may_be_empty:
            is_missing = sql.SQL("({} AND typed.{} IS NOT NULL)").format(is_missing, _raw(column))
        conditions.append(is_missing)
    return sql.SQL(" OR ").join(conditions)


def _typed_layer(columns: Sequence[UploadColumn], batch: Batch) -> sql.Composed:
    return sql.SQL(
        """
        SELECT trimmed.line, trimmed.fault, {typed}
        FROM (
            SELECT staged.line, staged.fault, {trimmed} FROM {staged} staged WHERE {counts_progress} OFFSET 0
        ) trimmed
        OFFSET 0
        """
    ).format(
        typed=COMMA.join(map(_typed_cell, columns)),
        trimmed=COMMA.join(map(_trimmed_cell, columns)),
        staged=batch.staged,
        counts_progress=batch.counts_progress,
    )


@cache
def _trimmed_cell(column: UploadColumn) -> Expression:
    value = _trimmed(_named("staged", column), column.widget.trimmed, keeps_mark=column.widget.is_text)
    return _rendered(sql.SQL("{} AS {}").format(value, sql.Identifier(column.name)))


@cache
def _typed_cell(column: UploadColumn) -> Expression:
    cell = _named("trimmed", column)
    return _rendered(
        sql.SQL(
            """
            {cell} AS {raw},
            CASE WHEN {cell} IS NULL THEN {empty} WHEN {valid} THEN ({typed})::{type} END AS {name}
            """
        ).format(
            cell=cell,
            raw=_raw(column),
            empty=column.empty_value,
            valid=column.widget.valid(cell),
            typed=column.widget.typed(cell),
            type=sql.SQL(column.widget.sql_type),
            name=sql.Identifier(column.name),
        )
    )


def _rendered(expression: Expression) -> sql.SQL:
    """Return the expression as text, so that what all files share is composed only once."""
    return sql.SQL(expression.as_string())


def findings_tables_statements(batch: Batch) -> Sequence[sql.Composed]:
    """Return the statements that create `errors` and `notices`, empty."""
    columns = sql.SQL("{} {} (line bigint, place integer, name text, value text, reason text)")
    return [columns.format(batch.create_table, table) for table in (batch.errors, batch.notices)]


def findings_statement(batch: Batch) -> sql.Composed:
    """Return the query for (whether any row is faulty, whether any is notable, whether any share a natural key)."""
    return sql.SQL(
        """
        SELECT coalesce(bool_or(r.faulty), false), coalesce(bool_or(r.notable), false), EXISTS (SELECT FROM {repeats})
        FROM {rows} r
        """
    ).format(rows=batch.rows, repeats=batch.repeats)


def errors_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """Return the statement that inserts the errors of every faulty row, column by column, into `errors`."""
    columns = resource.present(batch)
    places = {column.name: place for place, column in enumerate(columns, start=1)}
    # One SELECT for each explanation: PostgreSQL would prepare the expressions of a VALUES list anew for every row.
    explanations: list[Expression] = [sql.SQL("SELECT 0, NULL::text, NULL::text, staged.fault")]
    explanations += [_of_format(column, places[column.name]) for column in columns]
    explanations += [explanation(check, places[check.column]) for check in resource.checks(batch)]
    return sql.SQL(
        """
        INSERT INTO {errors} (line, place, name, value, reason)
        SELECT r.line, explained.place, explained.name, left({value}, 1000), explained.reason
        FROM {rows} r JOIN {staged} staged ON staged.line = r.line {existing}
        CROSS JOIN LATERAL ({explanations}) explained (place, name, value, reason)
        WHERE r.faulty AND explained.reason IS NOT NULL AND (staged.fault IS NULL OR explained.place = 0)
        """
    ).format(
        errors=batch.errors,
        rows=batch.rows,
        staged=batch.staged,
        existing=resource.existing(batch),
        explanations=sql.SQL(" UNION ALL ").join(explanations),
        value=without_mark(sql.SQL("explained.value")),
    )


def _of_format(column: UploadColumn, place: int) -> Expression:
    cell = _trimmed(_named("staged", column), column.widget.trimmed, keeps_mark=column.widget.is_text)
    cases: list[Expression] = [
        sql.SQL("WHEN {} THEN {}").format(condition, sql.Literal(reason) if isinstance(reason, str) else reason)
        for condition, reason in column.widget.explanations(cell)
    ]
    empty: Expression = sql.SQL("NULL") if column.may_be_empty else sql.Literal(_EMPTY)
    return sql.SQL(
        """
        SELECT {place}, {name}, {value},
            CASE WHEN {typed} IS NULL THEN CASE WHEN {cell} IS NULL THEN {empty} {cases} ELSE {otherwise} END END
        """
    ).format(
        place=place,
        name=sql.Literal(column.name),
        value=_named("staged", column),
        typed=_named("r", column),
        cell=cell,
        empty=empty,
        cases=sql.SQL(" ").join(cases),
        otherwise=sql.Literal(column.widget.sentence),
    )


def explanation(check: Check, place: int) -> Expression:
    """Return the SELECT of a check's place, column, value and reason; the reason is NULL where it does not hold."""
    return sql.SQL("SELECT {}, {}, {}, CASE WHEN {} THEN {} END").format(
        place, sql.Literal(check.column), sql.Identifier("staged", check.column), check.condition, check.reason
    )


def repeats_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """Return the statement that creates `repeats`, which holds all rows that share a natural key."""
    key = COMMA.join(resource.natural_key(batch))
    hashed = sql.SQL("hash_record_extended(ROW({}), 0)").format(key)
    return sql.SQL(
        """
        {create_table} {repeats} AS
        WITH candidates AS (
            SELECT r.line, ROW({key})::text AS key, ROW({content})::text AS content
            FROM {rows} r
            WHERE NOT r.faulty
                AND {hashed} IN (SELECT {hashed} FROM {rows} r WHERE NOT r.faulty GROUP BY 1 HAVING count(*) > 1)
        ),
        compared AS (
            SELECT line, key, content,
                min(line) OVER (PARTITION BY key) AS first,
                first_value(content) OVER (PARTITION BY key ORDER BY line) AS first_content
            FROM candidates
        )
        SELECT line, first, content <> first_content AS differs,
            min(line) FILTER (WHERE content <> first_content) OVER (PARTITION BY key) AS first_other
        FROM compared
        """
    ).format(
        create_table=batch.create_table,
        repeats=batch.repeats,
        key=key,
        content=COMMA.join(resource.content(batch)),
        rows=batch.rows,
        hashed=hashed,
    )


def split_repeats_statements(resource: UploadResource, batch: Batch) -> Sequence[sql.Composed]:
    """Return the statements that move rows in conflict from `repeats` to `errors`; only identical repeats remain."""
    names = [name for name in resource._meta.import_id_fields if name != "account"] or ["account"]
    columns = [column.name for column in resource.present(batch)]
    insert_errors = sql.SQL(
        """
        INSERT INTO {errors} (line, place, name, value, reason)
        SELECT repeated.line, {place}, {name}, {value},
            concat('Rows ', first, ' and ', CASE WHEN differs THEN repeated.line ELSE first_other END, {text})
        FROM {repeats} repeated JOIN {staged} staged ON staged.line = repeated.line
        WHERE first_other IS NOT NULL
        """
    ).format(
        errors=batch.errors,
        place=columns.index(names[-1]) + 1,
        name=sql.Literal(names[-1]),
        value=without_mark(sql.Identifier("staged", names[-1])),
        text=sql.Literal(f" have the same {' and '.join(names)} but differ otherwise."),
        repeats=batch.repeats,
        staged=batch.staged,
    )
    keep_repeats = sql.SQL("DELETE FROM {} WHERE first_other IS NOT NULL OR line = first").format(batch.repeats)
    return [insert_errors, keep_repeats]


def repeated_errors_statement(batch: Batch) -> sql.Composed:
    """Return the statement that copies to each repeat the errors of the row that it repeats."""
    # A repeat that already has errors of its own was refused for itself; the others share those of their first row.
    return sql.SQL(
        """
        INSERT INTO {errors} (line, place, name, value, reason)
        SELECT repeated.line, error.place, error.name, error.value, error.reason
        FROM {repeats} repeated JOIN {errors} error ON error.line = repeated.first
        WHERE NOT EXISTS (SELECT FROM {errors} own WHERE own.line = repeated.line)
        """
    ).format(errors=batch.errors, repeats=batch.repeats)


def counts_statement(batch: Batch) -> sql.Composed:
    """Return the query that counts rows (all, new, changed, in error; the rest are unchanged), and notices."""
    return sql.SQL(
        """
        SELECT count(*),
            count(*) FILTER (WHERE error.line IS NULL AND repeated.line IS NULL AND r.state = 'new'),
            count(*) FILTER (WHERE error.line IS NULL AND repeated.line IS NULL AND r.state = 'changed'),
            count(error.line),
            (SELECT count(*) FROM {notices})
        FROM {rows} r
        LEFT JOIN (SELECT DISTINCT line FROM {errors}) error ON error.line = r.line
        LEFT JOIN {repeats} repeated ON repeated.line = r.line
        """
    ).format(rows=batch.rows, errors=batch.errors, notices=batch.notices, repeats=batch.repeats)
