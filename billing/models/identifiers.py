"""The model field of what uploads name rows by: codes, numbers of contracts, names of sheets and charges."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from billing.identifiers import odd_character, trimmed

# Django's own class takes type arguments in its stub alone.
if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class IdentifierField(CharField):
    """Text without invisible characters, as uploads keep it: a form trims both ends and refuses them inside."""

    def deconstruct(self) -> Any:
        """Return the stock field: the table has the same column, so migrations need not know the difference."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def to_python(self, value: Any) -> Any:
        """Return the text without invisible characters at both ends."""
        text = super().to_python(value)
        return trimmed(text) if isinstance(text, str) else text

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Raise ValidationError for an invisible character, and name it."""
        super().validate(value, model_instance)
        if found := odd_character(value):
            raise ValidationError(
                f"The text contains {found}, a character that cannot be seen: delete it, or type a space in its place.",
                code="invisible_character",
            )
