"""From the text of a staged file to checked rows: one table of typed values, one of errors, one of repeated rows."""

from collections.abc import Sequence
from functools import cache

from psycopg import sql

from usage.resources.base import COMMA, Check, UploadResource
from usage.resources.batches import Batch
from usage.resources.columns import Column
from usage.resources.formats import SPACES, Expression

_EMPTY = "The cell is empty; it needs a value."


def _named(prefix: str, column: Column) -> sql.Identifier:
    return sql.Identifier(prefix, column.name)


def _raw(column: Column) -> sql.Identifier:
    return sql.Identifier(f"{column.name}__raw")


def _trimmed(value: Expression) -> Expression:
    """Without what stands around it; NULL if nothing is left. Nearly every cell shows at both ends that it may stay."""
    return sql.SQL(
        "CASE WHEN ascii({v}) BETWEEN 33 AND 127 AND ascii(right({v}, 1)) BETWEEN 33 AND 127 THEN {v} "
        "ELSE nullif(btrim({v}, {spaces}), '') END"
    ).format(v=value, spaces=sql.Literal(SPACES))


def _or(conditions: Sequence[Expression]) -> Expression:
    return sql.SQL(" OR ").join(sql.SQL("coalesce({}, false)").format(one) for one in conditions)


def account_codes(resource: UploadResource, batch: Batch) -> sql.Composed:
    """The statement that reads the accounts a file names in its column, as far as they exist."""
    code = resource.fields["account"].widget.typed(sql.SQL("c.account"))
    return sql.SQL(
        "SELECT id FROM billing_account WHERE code IN (SELECT {} FROM (SELECT DISTINCT {} AS account FROM {} t) c)"
    ).format(code, _trimmed(sql.SQL("t.account")), batch.cells)


def rows_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """The statement that makes `rows`: typed values, references, `faulty`, and `state` (new, changed, unchanged).

    Each layer is fenced off by OFFSET 0, or PostgreSQL would put its expressions into the next one and compute them
    again for every mention.
    """
    columns = resource.present(batch)
    checks = [check.condition for check in resource.checks(batch)]
    look_ups = resource.look_ups(batch)
    kept = [sql.Identifier("r", column.name) for column in columns] + [sql.Identifier("r", one[0]) for one in look_ups]
    return sql.SQL(
        "{create_table} {rows} AS SELECT r.line, {kept}, r.malformed OR {checks} AS faulty, "
        "old.id AS old_id, "
        "CASE WHEN old.id IS NULL THEN 'new' WHEN {changed} THEN 'changed' ELSE 'unchanged' END AS state "
        "FROM (SELECT c.line, {values}, {malformed} AS malformed FROM ({typed}) c{joins} OFFSET 0) r{existing}"
    ).format(
        create_table=batch.create_table,
        rows=batch.rows,
        kept=COMMA.join(kept),
        checks=_or(checks) if checks else sql.SQL("false"),
        changed=resource.is_changed(batch),
        values=COMMA.join(
            [_named("c", column) for column in columns]
            + [sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value, _join in look_ups]
        ),
        malformed=_malformed(columns),
        typed=_typed_layer(columns, batch),
        joins=sql.SQL("").join(join for _name, _value, join in look_ups),
        existing=resource.existing(batch),
    )


def _malformed(columns: Sequence[Column]) -> Expression:
    conditions: list[Expression] = [sql.SQL("c.fault IS NOT NULL")]
    for column in columns:
        is_missing = sql.SQL("{} IS NULL").format(_named("c", column))
        if column.may_be_empty:
            is_missing = sql.SQL("({} AND c.{} IS NOT NULL)").format(is_missing, _raw(column))
        conditions.append(is_missing)
    return sql.SQL(" OR ").join(conditions)


def _typed_layer(columns: Sequence[Column], batch: Batch) -> sql.Composed:
    return sql.SQL(
        "SELECT t.line, t.fault, {} FROM (SELECT t.line, t.fault, {} FROM {} t WHERE {} OFFSET 0) t OFFSET 0"
    ).format(COMMA.join(map(_typed_cell, columns)), COMMA.join(map(_trimmed_cell, columns)), batch.cells, batch.counted)


@cache
def _trimmed_cell(column: Column) -> Expression:
    return _rendered(sql.SQL("{} AS {}").format(_trimmed(_named("t", column)), sql.Identifier(column.name)))


@cache
def _typed_cell(column: Column) -> Expression:
    cell = _named("t", column)
    return _rendered(
        sql.SQL(
            "{cell} AS {raw}, CASE WHEN {cell} IS NULL THEN {empty} WHEN {valid} THEN ({typed})::{type} END AS {name}"
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
    """Return the expression as text, so that what is the same in every file is composed only once."""
    return sql.SQL(expression.as_string())


def errors_table_statement(batch: Batch) -> sql.Composed:
    """Return the statement that creates `errors`, empty."""
    return sql.SQL("{} {} (line bigint, place integer, name text, value text, reason text)").format(
        batch.create_table, batch.errors
    )


def findings_statement(batch: Batch) -> sql.Composed:
    """Return the query that tells whether there are faulty rows, and whether rows share a natural key."""
    return sql.SQL("SELECT EXISTS (SELECT FROM {} r WHERE r.faulty), EXISTS (SELECT FROM {})").format(
        batch.rows, batch.repeats
    )


def errors_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """The statement that explains every faulty row, column by column, into `errors`.

    One SELECT for each explanation: PostgreSQL would prepare the expressions of a VALUES list anew for every row.
    """
    columns = resource.present(batch)
    places = {column.name: place for place, column in enumerate(columns, start=1)}
    explanations: list[Expression] = [sql.SQL("SELECT 0, NULL::text, NULL::text, t.fault")]
    explanations += [_of_format(column, places[column.name]) for column in columns]
    explanations += [_of_check(check, places[check.column]) for check in resource.checks(batch)]
    return sql.SQL(
        "INSERT INTO {errors} (line, place, name, value, reason) "
        "SELECT r.line, e.place, e.name, left(e.value, 1000), e.reason "
        "FROM {rows} r JOIN {cells} t ON t.line = r.line{existing} "
        "CROSS JOIN LATERAL ({explanations}) e (place, name, value, reason) "
        "WHERE r.faulty AND e.reason IS NOT NULL AND (t.fault IS NULL OR e.place = 0)"
    ).format(
        errors=batch.errors,
        rows=batch.rows,
        cells=batch.cells,
        existing=resource.existing(batch),
        explanations=sql.SQL(" UNION ALL ").join(explanations),
    )


def _of_format(column: Column, place: int) -> Expression:
    cell = _trimmed(_named("t", column))
    cases: list[Expression] = [
        sql.SQL("WHEN {} THEN {}").format(condition, sql.Literal(text))
        for condition, text in column.widget.explanations(cell)
    ]
    empty: Expression = sql.SQL("NULL") if column.may_be_empty else sql.Literal(_EMPTY)
    return sql.SQL(
        "SELECT {place}, {name}, {value}, CASE WHEN {typed} IS NULL THEN "
        "CASE WHEN {cell} IS NULL THEN {empty} {cases} ELSE {otherwise} END END"
    ).format(
        place=place,
        name=sql.Literal(column.name),
        value=_named("t", column),
        typed=_named("r", column),
        cell=cell,
        empty=empty,
        cases=sql.SQL(" ").join(cases),
        otherwise=sql.Literal(column.widget.sentence),
    )


def _of_check(check: Check, place: int) -> Expression:
    return sql.SQL("SELECT {}, {}, {}, CASE WHEN {} THEN {} END").format(
        place, sql.Literal(check.column), sql.Identifier("t", check.column), check.condition, check.reason
    )


def repeats_statement(resource: UploadResource, batch: Batch) -> sql.Composed:
    """Return the statement that creates `repeats`, with all rows that share a natural key."""
    key = COMMA.join(resource.natural_key(batch))
    hashed = sql.SQL("hash_record_extended(ROW({}), 0)").format(key)
    return sql.SQL(
        "{create_table} {repeats} AS "
        "WITH candidates AS (SELECT r.line, ROW({key})::text AS key, ROW({content})::text AS content FROM {rows} r "
        "WHERE NOT r.faulty AND {hashed} IN "
        "(SELECT {hashed} FROM {rows} r WHERE NOT r.faulty GROUP BY 1 HAVING count(*) > 1)), "
        "compared AS (SELECT line, key, content, min(line) OVER (PARTITION BY key) AS first, "
        "first_value(content) OVER (PARTITION BY key ORDER BY line) AS first_content FROM candidates) "
        "SELECT line, first, content <> first_content AS differs, "
        "min(line) FILTER (WHERE content <> first_content) OVER (PARTITION BY key) AS first_other FROM compared"
    ).format(
        create_table=batch.create_table,
        repeats=batch.repeats,
        key=key,
        content=COMMA.join(resource.content(batch)),
        rows=batch.rows,
        hashed=hashed,
    )


def split_repeats_statements(resource: UploadResource, batch: Batch) -> Sequence[sql.Composed]:
    """Return the statements that move contradictory rows from `repeats` to `errors` and keep only repetitions in it."""
    names = [name for name in resource._meta.import_id_fields if name != "account"] or ["account"]
    columns = [column.name for column in resource.present(batch)]
    complain = sql.SQL(
        "INSERT INTO {errors} (line, place, name, value, reason) "
        "SELECT p.line, {place}, {name}, t.{column}, concat('Rows ', first, ' and ', "
        "CASE WHEN differs THEN p.line ELSE first_other END, {text}) "
        "FROM {repeats} p JOIN {cells} t ON t.line = p.line WHERE first_other IS NOT NULL"
    ).format(
        errors=batch.errors,
        place=columns.index(names[-1]) + 1,
        name=sql.Literal(names[-1]),
        column=sql.Identifier(names[-1]),
        text=sql.Literal(f" have the same {' and '.join(names)} but differ otherwise."),
        repeats=batch.repeats,
        cells=batch.cells,
    )
    keep = sql.SQL("DELETE FROM {} WHERE first_other IS NOT NULL OR line = first").format(batch.repeats)
    return [complain, keep]


def repeated_errors_statement(batch: Batch) -> sql.Composed:
    """The statement that gives an identical row what was found wrong, among other rows, with the one it repeats."""
    return sql.SQL(
        "INSERT INTO {errors} (line, place, name, value, reason) "
        "SELECT p.line, e.place, e.name, e.value, e.reason "
        "FROM {repeats} p JOIN {errors} e ON e.line = p.first "
        "WHERE NOT EXISTS (SELECT FROM {errors} own WHERE own.line = p.line)"
    ).format(errors=batch.errors, repeats=batch.repeats)


def counts_statement(batch: Batch) -> sql.Composed:
    """The statement that counts rows: all, new, changed, in error; the rest is unchanged."""
    return sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE e.line IS NULL AND p.line IS NULL AND r.state = 'new'), "
        "count(*) FILTER (WHERE e.line IS NULL AND p.line IS NULL AND r.state = 'changed'), count(e.line) "
        "FROM {rows} r LEFT JOIN (SELECT DISTINCT line FROM {errors}) e ON e.line = r.line "
        "LEFT JOIN {repeats} p ON p.line = r.line"
    ).format(rows=batch.rows, errors=batch.errors, repeats=batch.repeats)
