"""What the kinds of upload have in common: declared columns become the statements that check and apply a file.

A resource of django-import-export declares the columns (and exports them); its row-by-row import is not used. In
all SQL here `r` is a row of the file: its typed values under the names of its columns, `account_id` for kinds that
belong to an account, `<column>_id` for each reference; `old` is the row of the model that has its natural key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from import_export.resources import ModelResource
from psycopg import sql

from billing.models import Account
from usage.resources.batches import Batch
from usage.resources.columns import Column, Reference
from usage.resources.formats import Expression

COMMA = sql.SQL(", ")
NOTHING = sql.SQL("")


@dataclass(frozen=True)
class Check:
    """A condition on `r` and `old` that is true for a row in error, the column to blame, and a sentence (SQL text)."""

    column: str
    condition: Expression
    reason: Expression


@dataclass(frozen=True)
class Assignment:
    """A column of the model's table and its value from `r`; compared and written on existing rows if `is_update`."""

    column: str
    value: Expression
    is_update: bool
    is_compared: bool = True


def sentence(text: str, *values: Expression) -> Expression:
    """An SQL text: `text` with each `{}` replaced by a value."""
    parts = text.split("{}")
    pieces: list[Expression] = [sql.Literal(parts[0])]
    for value, part in zip(values, parts[1:], strict=True):
        pieces += [sql.SQL("{}::text").format(value), sql.Literal(part)]
    return sql.SQL("concat({})").format(COMMA.join(pieces)) if values else sql.Literal(text)


def of_row(name: str) -> Expression:
    """The value of a column of the file."""
    return sql.Identifier("r", name)


def not_in_future(column: str, batch: Batch) -> Check:
    """An instant may be five minutes ahead of the clock, for clocks that differ, and no more."""
    return Check(
        column,
        sql.SQL("{} > {}::timestamptz + interval '5 minutes'").format(of_row(column), sql.Literal(batch.context.now)),
        sentence("The instant lies in the future."),
    )


class UploadResource(ModelResource):  # type: ignore[misc]  # the package has no types
    """The declaration of one kind of upload. `Meta.import_id_fields` is its natural key, any `account` first."""

    fields: ClassVar[dict[str, Column]]
    belongs_to_account: ClassVar[bool] = False
    # Columns of the table with one value for the whole kind.
    constants: ClassVar[dict[str, str]] = {}
    # What the kind writes beside or instead of its model's table: each row of these stands in the records of an upload,
    # as it was and as it is. Those that refer to others come first.
    recorded: ClassVar[tuple[type[Model], ...]] = ()

    @property
    def model(self) -> type[Model]:
        """The model whose rows the file holds."""
        model: type[Model] = self._meta.model
        return model

    @property
    def table(self) -> sql.Identifier:
        """The model's table."""
        return sql.Identifier(self.model._meta.db_table)

    @property
    def columns(self) -> list[Column]:
        """The columns in the order of the declaration."""
        return [self.fields[name] for name in self._meta.fields]

    def column_called(self, heading: str) -> Column | None:
        """The column that a cell of a header means, forgiving of case, spaces and underscores; None if none."""
        return next((column for column in self.columns if column.is_called(heading)), None)

    def present(self, batch: Batch) -> list[Column]:
        """The columns that the file has."""
        return [column for column in self.columns if column.name in batch.present]

    def references(self, batch: Batch) -> Iterator[Reference]:
        """The columns of the file that name rows of other tables (the account is looked up on its own)."""
        for column in self.present(batch):
            if isinstance(column, Reference) and not (self.belongs_to_account and column.name == "account"):
                yield column

    # --- What a row refers to ---------------------------------------------------------------------------------------

    def look_ups(self, batch: Batch) -> Sequence[tuple[str, Expression, Expression]]:
        """(name, SQL value, JOIN clause) for each ID to be found; there `c` is the row with its typed values."""
        found: list[tuple[str, Expression, Expression]] = []
        if self.belongs_to_account:
            found.append(self._account(batch))
        for column in self.references(batch):
            alias = sql.Identifier(f"at_{column.name}")
            join = sql.SQL(" LEFT JOIN {} {alias} ON {alias}.{} = {}").format(
                column.table, sql.Identifier(column.by), sql.Identifier("c", column.name), alias=alias
            )
            found.append((column.id_name, sql.SQL("{}.id").format(alias), join))
        return found

    def _account(self, batch: Batch) -> tuple[str, Expression, Expression]:
        if batch.context.account is not None:
            return "account_id", sql.SQL("{}::bigint").format(sql.Literal(batch.context.account.pk)), NOTHING
        join = sql.SQL(" LEFT JOIN {} at_account ON at_account.code = c.account").format(
            sql.Identifier(Account._meta.db_table)
        )
        return "account_id", sql.SQL("at_account.id"), join

    def existing(self, batch: Batch) -> Expression:
        """The JOIN clause that finds `old`."""
        keys = [sql.SQL("old.{} = {}").format(sql.Identifier(key.column), key.value) for key in self.key()]
        return sql.SQL(" LEFT JOIN {} old ON {}").format(self.table, sql.SQL(" AND ").join(keys))

    def key(self) -> list[Assignment]:
        """The columns of the natural key, in the table."""
        return [self._assignment(self.fields[name], is_update=False) for name in self._meta.import_id_fields]

    def natural_key(self, batch: Batch) -> list[Expression]:
        """The values of `r` that no two rows of a file share."""
        return [key.value for key in self.key()]

    def content(self, batch: Batch) -> list[Expression]:
        """The values of `r` by which two rows with one natural key are the same row twice, or contradict each other."""
        return [one.value for one in self.assignments(batch) if one.is_compared]

    def is_changed(self, batch: Batch) -> Expression:
        """A condition on `r` and `old`: the file says otherwise than the table."""
        differences: list[Expression] = [
            sql.SQL("old.{} IS DISTINCT FROM {}").format(sql.Identifier(one.column), one.value)
            for one in self.assignments(batch)
            if one.is_update and one.is_compared
        ]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(differences or [sql.SQL("false")]))

    # --- What is wrong with a row -----------------------------------------------------------------------------------

    def checks(self, batch: Batch) -> Iterable[Check]:
        """What each row is checked for by itself, beside the formats of its cells."""
        if self.belongs_to_account:
            yield from self._account_checks(batch)
        for column in self.references(batch):
            if column.must_exist:
                yield Check(
                    column.name,
                    sql.SQL("{} IS NOT NULL AND {} IS NULL").format(of_row(column.name), of_row(column.id_name)),
                    sentence(f"There is no {column.model._meta.verbose_name} with this {column.by}."),
                )

    def _account_checks(self, batch: Batch) -> Iterator[Check]:
        if "account" not in batch.present:
            return
        if batch.context.account is None:
            yield Check("account", sql.SQL("r.account IS NULL"), sentence("The cell is empty; it needs a value."))
            yield Check(
                "account",
                sql.SQL("r.account IS NOT NULL AND r.account_id IS NULL"),
                sentence("There is no account with this code."),
            )
        else:
            code = sql.Literal(batch.context.account.code)
            yield Check(
                "account",
                sql.SQL("r.account <> {}").format(code),
                sentence("This row is of another account than the upload, which is for {}.", code),
            )

    def disagreements(self, batch: Batch) -> Sequence[Expression]:
        """Statements that add to `errors` where rows say different things of what they share; each runs once."""
        return ()

    def contradictions(self, batch: Batch) -> Sequence[Expression]:
        """Statements that add to `errors` where good rows contradict others or the database; run until none does."""
        return ()

    def settle(self, batch: Batch) -> Sequence[Expression]:
        """Statements after all checks, before the rows are counted."""
        return ()

    # --- What is written --------------------------------------------------------------------------------------------

    def _assignment(self, column: Column, *, is_update: bool) -> Assignment:
        if self.belongs_to_account and column.name == "account":
            return Assignment("account_id", sql.SQL("r.account_id"), is_update=False)
        field: Any = self.model._meta.get_field(str(column.attribute).split("__")[0])
        name = column.id_name if isinstance(column, Reference) else column.name
        return Assignment(field.column, of_row(name), is_update)

    def assignments(self, batch: Batch) -> list[Assignment]:
        """Every column of the table that a row fills; an absent optional one only in new rows, with its default."""
        key = self._meta.import_id_fields
        found = [Assignment(name, sql.Literal(value), is_update=False) for name, value in self.constants.items()]
        for name in self._meta.fields:
            column = self.fields[name]
            if column.attribute is None:
                continue
            if column.name in batch.present or (self.belongs_to_account and column.name == "account"):
                found.append(self._assignment(column, is_update=name not in key))
            else:
                absent = self._assignment(column, is_update=False)
                # The empty value of a reference is text, as the column of the file is; the table's is a key.
                value = sql.SQL("NULL") if isinstance(column, Reference) else column.empty_value
                found.append(Assignment(absent.column, value, is_update=False))
        if batch.context.upload_id is not None:
            upload_id = sql.SQL("{}::uuid").format(sql.Literal(str(batch.context.upload_id)))
            found.append(Assignment("upload_id", upload_id, is_update=True, is_compared=False))
        return found

    def derived(self, batch: Batch) -> tuple[list[Assignment], Expression]:
        """Columns that follow from a new or changed row, and the JOIN clauses on `r` that they need."""
        return [], NOTHING

    def upsert(self, batch: Batch) -> sql.Composed:
        """The statement that writes new and changed rows, and touches no other."""
        derived, joins = self.derived(batch)
        assignments = self.assignments(batch) + derived
        updates = [one for one in assignments if one.is_update]
        compared = [one for one in updates if one.is_compared]
        action: Expression = sql.SQL("NOTHING")
        if compared:
            action = sql.SQL("UPDATE SET {} WHERE {}").format(
                COMMA.join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(one.column)) for one in updates),
                sql.SQL(" OR ").join(
                    sql.SQL("{}.{} IS DISTINCT FROM excluded.{}").format(
                        self.table, sql.Identifier(one.column), sql.Identifier(one.column)
                    )
                    for one in compared
                ),
            )
        return sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {values} FROM {rows} r{joins} "
            "WHERE r.state <> 'unchanged' AND {applicable} AND {counted} ON CONFLICT ({key}) DO {action}"
        ).format(
            table=self.table,
            columns=COMMA.join(sql.Identifier(one.column) for one in assignments),
            values=COMMA.join(one.value for one in assignments),
            rows=batch.rows,
            joins=joins,
            applicable=batch.applicable,
            counted=batch.counted,
            key=COMMA.join(sql.Identifier(one.column) for one in self.key()),
            action=action,
        )

    def application(self, batch: Batch) -> Sequence[Expression]:
        """The statements that write the file's good rows, in one transaction."""
        return [self.upsert(batch)]

    def journal(self, batch: Batch) -> Sequence[tuple[str, Expression]]:
        """Each table of `recorded` that the file may change, and a condition on `t`, the rows of it that may.

        None where nothing else than `table` is compared with what it was.
        """
        conditions = [(model._meta.db_table, self.may_change(model, batch)) for model in self.recorded]
        return [(table, condition) for table, condition in conditions if condition is not None]

    def may_change(self, model: type[Model], batch: Batch) -> Expression | None:
        """The condition of the journal for a table of `recorded`; None: this file leaves it as it is, or all is new."""
        return None

    def follow_up(self, batch: Batch) -> Sequence[Expression]:
        """Return the statements that follow once the rows are written, in the same transaction."""
        return ()

    # --- What is exported -------------------------------------------------------------------------------------------

    def filter_export(self, queryset: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        """The rows with what their cells need of other tables, so that one query finds it for all of them."""
        paths = {str(column.attribute).rpartition("__")[0] for column in self.columns}
        return queryset.select_related(*sorted(paths - {""}))
