"""Keeps customers apart in the database itself, with foreign keys that include the account."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, ForeignKey, Model

_FOREIGN_KEY = (
    "CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {target} ({target_columns}) DEFERRABLE INITIALLY DEFERRED"
)


class SameAccountForeignKey(BaseConstraint):
    """`FOREIGN KEY (account_id, <field>_id) REFERENCES target (account_id, id)`: no row points into another account.

    `field` names a ForeignKey of the model with `db_constraint=False` (this key replaces its own). The target needs a
    unique constraint over `account` and `id`.
    """

    default_violation_error_message = "This belongs to another account."

    def __init__(self, *, field: str, name: str, violation_error_message: str | None = None) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.field = field

    def _sql(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        quote = schema_editor.quote_name
        field = model._meta.get_field(self.field)
        assert isinstance(field, ForeignKey)  # noqa: S101 - as the class says
        target = field.related_model._meta
        return _FOREIGN_KEY.format(
            name=quote(self.name),
            columns=f"{quote('account_id')}, {quote(field.attname)}",
            target=quote(target.db_table),
            target_columns=f"{quote('account_id')}, {quote('id')}",
        )

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the clause for CREATE TABLE."""
        return self._sql(model, schema_editor)

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that adds the constraint to a table."""
        return f"ALTER TABLE {schema_editor.quote_name(model._meta.db_table)} ADD {self._sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that removes the constraint from a table."""
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Any = None,
        using: str = "default",
    ) -> None:
        """Refuse an instance whose `field` belongs to another account than itself."""
        if exclude and (self.field in exclude or "account" in exclude):
            return
        related = getattr(instance, self.field)
        if related is not None and related.account_id != instance.account_id:  # type: ignore[attr-defined]  # a tenant
            raise ValidationError({self.field: self.get_violation_error_message()})

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return the arguments that migrations store."""
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SameAccountForeignKey):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = BaseConstraint.__hash__
