"""Foreign keys over two columns: a row and the row that it names agree in the second."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, Field, ForeignKey, Model

_FOREIGN_KEY = (
    "CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {target} ({target_columns}) DEFERRABLE INITIALLY DEFERRED"
)


class CompositeForeignKey(BaseConstraint):
    """`FOREIGN KEY (<shared>, <field>_id) REFERENCES target (<shared>, id)`: both rows have one value of `shared`.

    `field` names a ForeignKey of the model; `shared` names a field of both models, with the same column. The target
    needs a unique constraint over `shared` and `id`.
    """

    def __init__(self, *, field: str, shared: str, name: str, violation_error_message: str | None = None) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.field = field
        self.shared = shared

    def _sql(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        quote = schema_editor.quote_name
        field, column = model._meta.get_field(self.field), quote(str(self._shared_field(model).column))
        assert isinstance(field, ForeignKey)  # noqa: S101 - as the class says
        return _FOREIGN_KEY.format(
            name=quote(self.name),
            columns=f"{column}, {quote(field.attname)}",
            target=quote(field.related_model._meta.db_table),
            target_columns=f"{column}, {quote('id')}",
        )

    def _shared_field(self, model: type[Model]) -> "Field[Any, Any]":
        field = model._meta.get_field(self.shared)
        assert isinstance(field, Field)  # noqa: S101 - as the class says
        return field

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
        """Refuse an instance whose `field` names a row with another value of `shared`."""
        if exclude and (self.field in exclude or self.shared in exclude):
            return
        related = getattr(instance, self.field)
        attribute = self._shared_field(model).attname
        if related is not None and getattr(related, attribute) != getattr(instance, attribute):
            raise ValidationError({self.field: self.get_violation_error_message()})

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return the arguments that migrations store."""
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field, "shared": self.shared}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CompositeForeignKey):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = BaseConstraint.__hash__
