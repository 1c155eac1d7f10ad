"""A staged file: the names of its tables in the database, and the context in which it is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from psycopg import sql

from billing.models import Account
from usage.models import Upload, UploadKind


@dataclass(frozen=True)
class UploadContext:
    """The context in which a file is read.

    `account` is the account of the whole file, for kinds that belong to an account; if it is None, a column names the
    account of each row. Instants after `now` lie in the future. `upload_id` is the upload that the rows will name as
    their last, if any. With `creates_users`, login sessions may name users who do not exist yet. `by_platform_staff` is
    false for an upload of a customer's administrator, which cannot change rows that the platform wrote last.
    """

    kind: UploadKind
    account: Account | None
    now: datetime
    upload_id: UUID | None = None
    creates_users: bool = False
    by_platform_staff: bool = True

    @classmethod
    def of(cls, upload: Upload, *, now: datetime) -> Self:
        """Return the context of an upload."""
        kind = UploadKind(upload.kind)
        return cls(kind, upload.account, now, upload.pk, upload.creates_users, upload.by_platform_staff)


@dataclass(frozen=True)
class Batch:
    """The tables of a staged file. They outlive transactions, so that checking and applying may be hours apart.

    - `staged` holds the file as text: `line`, the columns of the file, and for an unreadable row `fault` (the reason)
      and `found` (its cells).
    - `rows` holds the typed values with the IDs they refer to (see `UploadResource`).
    - `errors` holds every row error: `line`, `place` and `name` of the column, `value`, `reason`.
    - `notices` holds what is valid and unusual, in the columns of `errors`; line 0 is the file as a whole.
    - `repeats` holds the lines that repeat an earlier row.
    - The sequence `progress` counts the rows that the running statement has reached.

    `is_small`: the file has few rows, so its tables are logged (see `create_table`).
    """

    table: str
    present: frozenset[str]
    context: UploadContext
    is_small: bool = False

    @property
    def create_table(self) -> sql.SQL:
        """Return CREATE TABLE for few rows, else its unlogged form, which writes no WAL but twice as many files."""
        return sql.SQL("CREATE TABLE" if self.is_small else "CREATE UNLOGGED TABLE")

    @property
    def staged(self) -> sql.Identifier:
        return sql.Identifier(self.table)

    @property
    def rows(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_rows")

    @property
    def errors(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_errors")

    @property
    def notices(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_notices")

    @property
    def repeats(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_repeats")

    @property
    def planned(self) -> sql.Identifier:
        """The table of what a kind computes from several rows at once."""
        return sql.Identifier(f"{self.table}_planned")

    @property
    def progress(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_progress")

    @property
    def before(self) -> sql.Identifier:
        """The table of the rows that a kind with several tables may change, as they were before."""
        return sql.Identifier(f"{self.table}_before")

    @property
    def counts_progress(self) -> sql.Composed:
        """Return a condition that is always true and advances `progress` for each row that it is evaluated for."""
        return sql.SQL("nextval({}) > 0").format(sql.Literal(f"{self.table}_progress"))

    @property
    def good(self) -> sql.Composed:
        """Return a condition on `r`, a row of `rows`: it has no error."""
        return sql.SQL("NOT EXISTS (SELECT FROM {} error WHERE error.line = r.line)").format(self.errors)

    @property
    def applicable(self) -> sql.Composed:
        """Return a condition on `r`, a row of `rows`: it has no error and repeats no other row."""
        return sql.SQL("{} AND NOT EXISTS (SELECT FROM {} repeated WHERE repeated.line = r.line)").format(
            self.good, self.repeats
        )
