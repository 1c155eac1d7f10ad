"""The columns of upload files: their names, their formats, and the columns of tables that they fill."""

import re
from typing import Any

from django.db.models import Model
from import_export.fields import Field
from psycopg import sql

from billing.identifiers import INVISIBLE
from billing.models import Account
from usage.resources.formats import Expression, Format, Name, Text

_BETWEEN_WORDS = re.compile(rf"[\s_{re.escape(INVISIBLE)}]+")


def folded(heading: str) -> str:
    """Return a heading without what does not matter: case, spaces, underscores, invisible characters."""
    return _BETWEEN_WORDS.sub("", heading).casefold()


class UploadColumn(Field):  # type: ignore[misc]  # the package has no types
    """One column. `attribute` is the model's field that it fills; if it is None, the resource writes the value itself.

    The file must have the column unless it is `optional`: then the column may be absent (existing rows keep their
    value) or a cell empty, and `default`, a literal or None for NULL, takes its place. `may_be_empty` allows empty
    cells in a required column. `title` is the name that reports use, where it differs. `example` is a valid cell;
    `note` is a sentence that adds to the description of the format.
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
        """Return the name of the column in a header."""
        return str(self.column_name)

    @property
    def described(self) -> str:
        """Return a description of the cells, in a few sentences."""
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
        """Return whether a header cell names this column."""
        return folded(heading) in {folded(self.name), folded(self.title)} - {""}

    @property
    def empty_value(self) -> Expression:
        """Return the value of an empty cell, and of an absent column in a new row."""
        return sql.SQL("{}::{}").format(sql.Literal(self.empty), sql.SQL(self.widget.sql_type))


class Reference(UploadColumn):
    """A column that names a row of another table by one of its columns.

    If `must_exist` is false, the row may not exist yet; then the resource creates it.
    """

    def __init__(
        self,
        model: type[Model],
        *,
        by: str = "name",
        must_exist: bool = True,
        widget: Format | None = None,
        **options: Any,
    ) -> None:
        super().__init__(widget or Name(), **options)
        self.model = model
        self.by = by
        self.must_exist = must_exist

    @property
    def _content(self) -> str:
        name = str(self.model._meta.verbose_name)
        return f"The {self.by} of {'an' if name[0] in 'aeiou' else 'a'} {name}"

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier(self.model._meta.db_table)

    @property
    def id_name(self) -> str:
        """Return the column of `rows` that holds the ID of the row referred to."""
        return f"{self.name}_id"


class AccountReference(Reference):
    """The account of a row, for kinds that belong to an account."""

    def __init__(self) -> None:
        super().__init__(
            Account,
            by="code",
            attribute="account__code",
            optional=True,
            example="EXAMPLE-1",
            note="If so, the account chosen for the whole file applies.",
        )
