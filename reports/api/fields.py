"""Serializers of what programs send: nothing is ignored, guessed or converted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rest_framework import serializers

from reports.api.exceptions import FieldError, field_errors, invalid
from reports.api.filters import NO_DAY, day_of

UNKNOWN = "There is no such field here."


class JSONStringField(serializers.CharField):
    """A string; a number is none."""

    default_error_messages = {"invalid": "Give a string."}

    def to_internal_value(self, data: Any) -> str:
        """The string itself."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class OneOfField(JSONStringField):
    """One of the strings that `allowed` lists at the time; the problem names them.

    In the schema it is any string: what is allowed may grow without a new version.
    """

    default_error_messages = {"unknown": "There is no {input}."}

    def __init__(self, *, allowed: Callable[[], Iterable[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allowed = allowed

    def to_internal_value(self, data: Any) -> str:
        """The string, which is one of them."""
        text = super().to_internal_value(data)
        if text not in self.allowed():
            self.fail("unknown", input=text)
        return text


class DayField(serializers.DateField):
    """A day as YYYY-MM-DD, and in no other way."""

    default_error_messages = {"invalid": NO_DAY}

    def to_internal_value(self, value: Any) -> Any:
        """The day."""
        try:
            return day_of(value)
        except (ValueError, TypeError):
            self.fail("invalid")


class JSONBooleanField(serializers.BooleanField):
    """True or false; neither a number nor a word is."""

    default_error_messages = {"invalid": "Give true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """The truth itself."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class InputSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know. Invalid data is a problem with a line for each field at fault."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated data; what is unknown is named along with what is wrong."""
        known = {name for name, field in self.fields.items() if not field.read_only}
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            errors = {str(name): [UNKNOWN] for name in data if name not in known}
        try:
            validated = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **errors}) from None
        if errors:
            raise serializers.ValidationError(errors)
        return validated

    def is_valid(self, *, raise_exception: bool = False) -> bool:
        """Whether the data is; with `raise_exception` a problem says what is wrong."""
        valid = super().is_valid(raise_exception=False)
        if raise_exception and not valid:
            raise invalid(self._field_errors())
        return valid

    def _field_errors(self) -> Iterator[FieldError]:
        known = sorted(name for name, field in self.fields.items() if not field.read_only)
        for name, details in self.errors.items():
            field = self.fields.get(name)
            if field is None and name != "non_field_errors":
                yield FieldError(name, UNKNOWN, allowed=known)
            else:
                yield from self._errors_of(name, field, details)

    def _errors_of(self, name: str, field: Any, details: Any) -> Iterator[FieldError]:
        allowed = field.allowed() if isinstance(field, OneOfField) else None
        for error in field_errors(details, name):
            yield FieldError(error.field, error.detail, allowed=allowed)
