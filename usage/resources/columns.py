"""The columns of an upload file: what each is called, how it is written, and what it becomes in a table."""

import re
from typing import Any

from django.db.models import Model
from import_export.fields import Field
from psycopg import sql

from billing.models import Account
from usage.resources.formats import Expression, Format, Text

_BETWEEN_WORDS = re.compile(r"[\s_]+")


def folded(heading: str) -> str:
    """A heading without what people write in different ways: case, spaces, underscores."""
    return _BETWEEN_WORDS.sub("", heading).casefold()


class Column(Field):  # type: ignore[misc]  # the package has no types
    """One column: `attribute` is the model's field that it fills (None: the resource sees to it).

    The file must have the column, unless it is `optional`: then it may be absent (existing rows keep what they have) or
    its cell empty, and `default`, a literal or None for NULL, takes its place. `may_be_empty` allows empty cells in a
    column that must be there. `title`: what reports call the same thing, where that is another name. `example`: a cell
    that is right; `note`: a sentence on what the format does not say.
    """

    widget: Format

    def __init__(
        self,
        widget: Format | None = None,
        *,
        attribute: str | None = None,
        optional: bool = False,
        may_be_empty: bool = False,
        default: str | int | bool | None = None,
        title: str = "",
        example: str = "",
        note: str = "",
        **options: Any,
    ) -> None:
        super().__init__(attribute=attribute, widget=widget or Text(), **options)
        self.title = title
        self.example = example
        self.note = note
        self.optional = optional
        self.may_be_empty = optional or may_be_empty
        self.empty: str | int | bool | None = default

    @property
    def name(self) -> str:
        """What the header calls it."""
        return str(self.column_name)

    @property
    def described(self) -> str:
        """What to write into its cells, in a few sentences."""
        return " ".join(filter(None, [f"{self._content}.", self._absence, self.note]))

    @property
    def _content(self) -> str:
        return self.widget.described

    @property
    def _absence(self) -> str:
        if not self.may_be_empty:
            return ""
        allowed = "May be absent or empty" if self.optional else "May be empty"
        default = self.widget.render(self.empty)
        return f"{allowed}; default {default}." if default else f"{allowed}."

    def is_called(self, heading: str) -> bool:
        """Whether a cell of a header means this column."""
        return folded(heading) in {folded(self.name), folded(self.title)} - {""}

    @property
    def empty_value(self) -> Expression:
        """What an empty cell means, and in a new row an absent column."""
        return sql.SQL("{}::{}").format(sql.Literal(self.empty), sql.SQL(self.widget.sql_type))


class Reference(Column):
    """A column that names a row of another table by one of its columns.

    `must_exist` may be false where the row can come later; then the resource makes it.
    """

    def __init__(
        self,
        model: type[Model],
        *,
        by: str = "name",
        must_exist: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.model = model
        self.by = by
        self.must_exist = must_exist

    @property
    def _content(self) -> str:
        name = str(self.model._meta.verbose_name)
        return f"The {self.by} of {'an' if name[0] in 'aeiou' else 'a'} {name}"

    @property
    def table(self) -> sql.Identifier:
        """The table referred to."""
        return sql.Identifier(self.model._meta.db_table)

    @property
    def id_name(self) -> str:
        """The column of the checked table that holds the row's ID."""
        return f"{self.name}_id"


class AccountReference(Reference):
    """Whose data a row is, in the kinds that belong to an account."""

    def __init__(self) -> None:
        super().__init__(
            Account,
            by="code",
            attribute="account__code",
            optional=True,
            example="EXAMPLE-1",
            note="Then it is the account that is chosen for the whole file.",
        )
