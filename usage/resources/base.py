"""What all kinds of upload share: declared columns become the statements that check and apply a file.

A resource of django-import-export declares the columns and exports them; its row-by-row import is not used. In all SQL
here `r` is a row of the file: its typed values under the names of its columns, `account_id` for kinds that belong to an
account, and `<column>_id` for each reference. `old` is the model's row with the same natural key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from import_export.resources import ModelResource
from psycopg import sql

from billing.models import Account
from usage.models import Upload
from usage.resources.batches import Batch
from usage.resources.columns import Reference, UploadColumn
from usage.resources.formats import Expression, Text, stands_for_nothing

COMMA = sql.SQL(", ")
NOTHING = sql.SQL("")
OF_THE_PLATFORM = (
    "The platform's staff wrote this row, and uploads of a customer's administrator cannot change it. Leave the row "
    "out, or ask the platform's support to change it."
)


@dataclass(frozen=True)
class Check:
    """A condition on `r` and `old`, its column, and a reason (an SQL text), for a row error or a row notice."""

    column: str
    condition: Expression
    reason: Expression


@dataclass(frozen=True)
class Assignment:
    """A column of the model's table and its value from `r`.

    On existing rows it is compared (if `is_compared`) and written only if `is_update`.
    """

    column: str
    value: Expression
    is_update: bool
    is_compared: bool = True


def sentence(text: str, *values: Expression) -> Expression:
    """Return an SQL text: `text` with each `{}` replaced by a value."""
    parts = text.split("{}")
    pieces: list[Expression] = [sql.Literal(parts[0])]
    for value, part in zip(values, parts[1:], strict=True):
        pieces += [sql.SQL("{}::text").format(value), sql.Literal(part)]
    return sql.SQL("concat({})").format(COMMA.join(pieces)) if values else sql.Literal(text)


def of_row(name: str) -> Expression:
    """Return the value of a column of the file."""
    return sql.Identifier("r", name)


def not_in_future(column: str, batch: Batch) -> Check:
    """Return the check that an instant lies at most five minutes ahead of the clock, since clocks differ."""
    return Check(
        column,
        sql.SQL("{} > {}::timestamptz + interval '5 minutes'").format(of_row(column), sql.Literal(batch.context.now)),
        sentence("The date and time are in the future."),
    )


class UploadResource(ModelResource):  # type: ignore[misc]  # the package has no types
    """The declaration of one kind of upload. `Meta.import_id_fields` is its natural key, any `account` first.

    A kind overrides hooks, listed here and below in the order in which their SQL runs. For each check:

    1. `look_ups` finds the IDs that a row refers to, `existing` (by `key`) finds `old`;
    2. `checks` finds errors of each row by itself, `row_notices` what is valid and unusual in it; `is_changed` compares
       the row with `old`;
    3. `natural_key` finds rows of one key, `content` tells identical from conflicting ones; `inconsistency_errors` runs
       once and `conflict_errors` until it finds none; `settle` runs once all errors are known, `file_notices` last.

    For applying, in one transaction and after another check if anything has changed:

    4. `journal` (by `may_change`) saves what the rows were; `application` writes them, by default with `upsert`, which
       takes its columns from `assignments` and `derived`; `journal` compares again; `follow_up` runs last.

    Exports use `filter_export`.
    """

    fields: ClassVar[dict[str, UploadColumn]]
    belongs_to_account: ClassVar[bool] = False
    # Columns of the table that have one value for the whole kind.
    constants: ClassVar[dict[str, str]] = {}
    # The tables that the kind writes besides or instead of its model's: the journal holds each of their changed rows,
    # before and after. Tables that refer to others come first.
    journalled: ClassVar[tuple[type[Model], ...]] = ()

    @property
    def model(self) -> type[Model]:
        model: type[Model] = self._meta.model
        return model

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier(self.model._meta.db_table)

    @property
    def columns(self) -> list[UploadColumn]:
        return [self.fields[name] for name in self._meta.fields]

    def column_called(self, heading: str) -> UploadColumn | None:
        """Return the column that a header cell names, ignoring case, spaces and underscores; None if there is none."""
        return next((column for column in self.columns if column.is_called(heading)), None)

    def present(self, batch: Batch) -> list[UploadColumn]:
        """Return the columns that the file has."""
        return [column for column in self.columns if column.name in batch.present]

    def references(self, batch: Batch) -> Iterator[Reference]:
        """Yield the file's columns that name rows of other tables, except the account, which has its own look-up."""
        for column in self.present(batch):
            if isinstance(column, Reference) and not (self.belongs_to_account and column.name == "account"):
                yield column

    # --- 1. Check: what a row refers to -------------------------------------------------------------------------------

    def look_ups(self, batch: Batch) -> Sequence[tuple[str, Expression, Expression]]:
        """Return (name, SQL value, JOIN clause) for each ID to look up; here `typed` is the row of typed values."""
        found: list[tuple[str, Expression, Expression]] = []
        if self.belongs_to_account:
            found.append(self._account(batch))
        for column in self.references(batch):
            alias = sql.Identifier(f"at_{column.name}")
            join = sql.SQL("LEFT JOIN {} {alias} ON {alias}.{} = {}").format(
                column.table, sql.Identifier(column.by), sql.Identifier("typed", column.name), alias=alias
            )
            found.append((column.id_name, sql.SQL("{}.id").format(alias), join))
        return found

    def _account(self, batch: Batch) -> tuple[str, Expression, Expression]:
        if batch.context.account is not None:
            return "account_id", sql.SQL("{}::bigint").format(sql.Literal(batch.context.account.pk)), NOTHING
        join = sql.SQL("LEFT JOIN {} at_account ON at_account.code = typed.account").format(
            sql.Identifier(Account._meta.db_table)
        )
        return "account_id", sql.SQL("at_account.id"), join

    def existing(self, batch: Batch) -> Expression:
        """Return the JOIN clause that finds `old`."""
        keys = [sql.SQL("old.{} = {}").format(sql.Identifier(key.column), key.value) for key in self.key()]
        return sql.SQL("LEFT JOIN {} old ON {}").format(self.table, sql.SQL(" AND ").join(keys))

    def key(self) -> list[Assignment]:
        """Return the table's columns of the natural key."""
        return [self._assignment(self.fields[name], is_update=False) for name in self._meta.import_id_fields]

    # --- 2. Check: each row by itself ---------------------------------------------------------------------------------

    def checks(self, batch: Batch) -> Iterable[Check]:
        """Return the checks of each row by itself, besides the formats of its cells."""
        if self.belongs_to_account:
            yield from self._account_checks(batch)
        if not batch.context.by_platform_staff:
            yield self._ownership_check(batch)
        for column in self.references(batch):
            if column.must_exist:
                yield Check(
                    column.name,
                    sql.SQL("{} IS NOT NULL AND {} IS NULL").format(of_row(column.name), of_row(column.id_name)),
                    sentence(f"There is no {column.model._meta.verbose_name} with this {column.by}."),
                )

    def _ownership_check(self, batch: Batch) -> Check:
        """Return the check that an upload of a customer's administrator changes no row that the platform wrote last.

        Rows that name no upload count as the platform's.
        """
        # Not correlated, so that the IDs are hashed once instead of looked up for each row.
        is_customers = sql.SQL(
            "coalesce(old.upload_id IN (SELECT id FROM {} WHERE NOT by_platform_staff), false)"
        ).format(sql.Identifier(Upload._meta.db_table))
        return Check(
            # A row is known by the last column of its natural key; the others are what that is in.
            self._meta.import_id_fields[-1],
            sql.SQL("old.id IS NOT NULL AND ({}) AND NOT {}").format(self.is_changed(batch), is_customers),
            sentence(OF_THE_PLATFORM),
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

    def is_changed(self, batch: Batch) -> Expression:
        """Return a condition on `r` and `old`: the file differs from the table."""
        differences: list[Expression] = [
            sql.SQL("old.{} IS DISTINCT FROM {}").format(sql.Identifier(one.column), one.value)
            for one in self.assignments(batch)
            if one.is_update and one.is_compared
        ]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(differences or [sql.SQL("false")]))

    def row_notices(self, batch: Batch) -> Iterable[Check]:
        """Return what is valid and unusual in a row by itself. Rows in error and rows that change nothing have none."""
        for column in self.present(batch):
            if isinstance(column.widget, Text):
                yield Check(
                    column.name,
                    stands_for_nothing(of_row(column.name)),
                    sentence(
                        "The cell holds a word for a missing value, which is taken as text. Correct it if it is not."
                    ),
                )

    # --- 3. Check: rows against one another and the database ----------------------------------------------------------

    def natural_key(self, batch: Batch) -> list[Expression]:
        """Return the values of `r` that no two rows of a file may share."""
        return [key.value for key in self.key()]

    def content(self, batch: Batch) -> list[Expression]:
        """Return the values of `r` that tell whether two rows with one natural key are identical or in conflict."""
        return [one.value for one in self.assignments(batch) if one.is_compared]

    def inconsistency_errors(self, batch: Batch) -> Sequence[Expression]:
        """Return statements that insert errors where rows differ in what they must share; each runs once."""
        return ()

    def conflict_errors(self, batch: Batch) -> Sequence[Expression]:
        """Return statements that insert errors where good rows conflict with others or the database.

        They run again until they insert none.
        """
        return ()

    def settle(self, batch: Batch) -> Sequence[Expression]:
        """Return statements that run after all checks, before the rows are counted."""
        return ()

    def file_notices(self, batch: Batch) -> Sequence[Expression]:
        """Return statements that insert notices about several rows or the whole file; each runs once."""
        return ()

    # --- 4. Apply -----------------------------------------------------------------------------------------------------

    def journal(self, batch: Batch) -> Sequence[tuple[str, Expression]]:
        """Return each table of `journalled` that the file may change, with a condition on `stored`, its rows that may.

        Return none if the kind writes only its model's table.
        """
        conditions = [(model._meta.db_table, self.may_change(model, batch)) for model in self.journalled]
        return [(table, condition) for table, condition in conditions if condition is not None]

    def may_change(self, model: type[Model], batch: Batch) -> Expression | None:
        """Return the condition of `journal` for one table; None if the file leaves it alone or only adds to it."""
        return None

    def application(self, batch: Batch) -> Sequence[Expression]:
        """Return the statements that write the file's good rows, in one transaction."""
        return [self.upsert(batch)]

    def upsert(self, batch: Batch) -> sql.Composed:
        """Return the statement that writes new and changed rows, and no others."""
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
            """
            INSERT INTO {table} ({columns})
            SELECT {values} FROM {rows} r {joins}
            WHERE r.state <> 'unchanged' AND {applicable} AND {counts_progress}
            ON CONFLICT ({key}) DO {action}
            """
        ).format(
            table=self.table,
            columns=COMMA.join(sql.Identifier(one.column) for one in assignments),
            values=COMMA.join(one.value for one in assignments),
            rows=batch.rows,
            joins=joins,
            applicable=batch.applicable,
            counts_progress=batch.counts_progress,
            key=COMMA.join(sql.Identifier(one.column) for one in self.key()),
            action=action,
        )

    def assignments(self, batch: Batch) -> list[Assignment]:
        """Return each column of the table that a row fills; absent optional ones only in new rows, by default."""
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

    def _assignment(self, column: UploadColumn, *, is_update: bool) -> Assignment:
        if self.belongs_to_account and column.name == "account":
            return Assignment("account_id", sql.SQL("r.account_id"), is_update=False)
        field: Any = self.model._meta.get_field(str(column.attribute).split("__")[0])
        name = column.id_name if isinstance(column, Reference) else column.name
        return Assignment(field.column, of_row(name), is_update)

    def derived(self, batch: Batch) -> tuple[list[Assignment], Expression]:
        """Return the columns computed for a new or changed row, and the JOIN clauses on `r` that they need."""
        return [], NOTHING

    def follow_up(self, batch: Batch) -> Sequence[Expression]:
        """Return statements that run once the rows are written, in the same transaction."""
        return ()

    # --- Export -------------------------------------------------------------------------------------------------------

    def filter_export(self, queryset: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        """Return the rows joined with what their cells need of other tables, so that one query fetches it all."""
        paths = {str(column.attribute).rpartition("__")[0] for column in self.columns}
        return queryset.select_related(*sorted(paths - {""}))
