"""One file on its way in: the names of its tables in the database, and what is known of it beside its rows."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from billing.models import Account


@dataclass(frozen=True)
class Batch:
    """A staged file. Its tables outlive a transaction, so that checking and applying may be hours apart.

    `cells` holds the file as text (`line`, the columns of the file, and of an unreadable row `fault`, the reason, and
    `found`, its cells); `rows` the typed values with the rows they refer to (see `UploadResource`); `errors` (`line`,
    `place` of the column, `name`, `value`, `reason`) every error; `repeats` the lines that repeat an earlier row.
    """

    table: str
    present: frozenset[str]
    account: Account | None
    now: datetime

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
    def good(self) -> sql.Composed:
        """A condition on `r`, a row of `rows`: it has no error."""
        return sql.SQL("NOT EXISTS (SELECT FROM {} e WHERE e.line = r.line)").format(self.errors)

    @property
    def applicable(self) -> sql.Composed:
        """A condition on `r`, a row of `rows`: it has no error and repeats no other row."""
        return sql.SQL("{} AND NOT EXISTS (SELECT FROM {} p WHERE p.line = r.line)").format(self.good, self.repeats)
