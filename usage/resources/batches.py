"""One file on its way in: the names of its tables in the database, and what is known of it beside its rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from psycopg import sql

from billing.models import Account
from usage.models import Upload, UploadKind


@dataclass(frozen=True)
class UploadContext:
    """As what a file is read.

    `account`: whose data it holds, for kinds that belong to an account; None: each row says so in a column. `now`: what
    lies behind it lies in the future. `upload_id`: the upload that the rows will be of; None: of none. `creates_users`:
    login sessions may name users who are still to be made.
    """

    kind: UploadKind
    account: Account | None
    now: datetime
    upload_id: UUID | None = None
    creates_users: bool = False

    @classmethod
    def of(cls, upload: Upload, *, now: datetime) -> Self:
        """Those of an upload."""
        return cls(UploadKind(upload.kind), upload.account, now, upload.pk, upload.creates_users)


@dataclass(frozen=True)
class Batch:
    """A staged file. Its tables outlive a transaction, so that checking and applying may be hours apart.

    `cells` holds the file as text (`line`, the columns of the file, and of an unreadable row `fault`, the reason, and
    `found`, its cells); `rows` the typed values with the rows they refer to (see `UploadResource`); `errors` (`line`,
    `place` of the column, `name`, `value`, `reason`) every error; `repeats` the lines that repeat an earlier row. The
    sequence `progress` counts the rows that the statement under way has come to. `is_small`: the file has few rows,
    and its tables are logged (see `create_table`).
    """

    table: str
    present: frozenset[str]
    context: UploadContext
    is_small: bool = False

    @property
    def create_table(self) -> sql.SQL:
        """Return the words that create a table. Unlogged ones take twice as many files, which few rows do not repay."""
        return sql.SQL("CREATE TABLE" if self.is_small else "CREATE UNLOGGED TABLE")

    @property
    def cells(self) -> sql.Identifier:
        return sql.Identifier(self.table)

    @property
    def rows(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_rows")

    @property
    def errors(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_errors")

    @property
    def repeats(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_repeats")

    @property
    def planned(self) -> sql.Identifier:
        """What a kind computes of several rows at once."""
        return sql.Identifier(f"{self.table}_planned")

    @property
    def progress(self) -> sql.Identifier:
        return sql.Identifier(f"{self.table}_progress")

    @property
    def before(self) -> sql.Identifier:
        """What a kind that writes into several tables is about to change, as it is."""
        return sql.Identifier(f"{self.table}_before")

    @property
    def counted(self) -> sql.Composed:
        """A condition that is always true, and counts each row that it is asked about."""
        return sql.SQL("nextval({}) > 0").format(sql.Literal(f"{self.table}_progress"))

    @property
    def good(self) -> sql.Composed:
        """A condition on `r`, a row of `rows`: it has no error."""
        return sql.SQL("NOT EXISTS (SELECT FROM {} e WHERE e.line = r.line)").format(self.errors)

    @property
    def applicable(self) -> sql.Composed:
        """A condition on `r`, a row of `rows`: it has no error and repeats no other row."""
        return sql.SQL("{} AND NOT EXISTS (SELECT FROM {} p WHERE p.line = r.line)").format(self.good, self.repeats)
