"""Keeps customers apart in the database itself, with foreign keys that include the account."""

from collections.abc import Sequence
from typing import Any

from billing.composite_keys import CompositeForeignKey


class SameAccountForeignKey(CompositeForeignKey):
    """`FOREIGN KEY (account_id, <field>_id) REFERENCES target (account_id, id)`: no row points into another account.

    `field` names a ForeignKey of the model with `db_constraint=False` (this key replaces its own). The target needs a
    unique constraint over `account` and `id`.
    """

    default_violation_error_message = "This belongs to another account."

    def __init__(self, *, field: str, name: str, violation_error_message: str | None = None) -> None:
        super().__init__(field=field, shared="account", name=name, violation_error_message=violation_error_message)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return the arguments that migrations store."""
        path, args, kwargs = super().deconstruct()
        return path, args, {name: value for name, value in kwargs.items() if name != "shared"}
