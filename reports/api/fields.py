"""Serializer and fields for request bodies, which ignore, guess and convert nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rest_framework import serializers

from reports.api.exceptions import FieldError, field_errors, invalid
from reports.api.filters import NO_DAY, day_of

UNKNOWN = "Unknown field."


class JSONStringField(serializers.CharField):
    """A JSON string. Numbers are not converted."""

    default_error_messages = {"invalid": "Give a string."}

    def to_internal_value(self, data: Any) -> str:
        """Return the string; raise ValidationError for any other type."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class OneOfField(JSONStringField):
    """One of the strings that `allowed` currently returns; the problem lists them.

    The OpenAPI document says any string, since new values do not change the version of the API.
    """

    default_error_messages = {"unknown": "There is no {input}."}

    def __init__(self, *, allowed: Callable[[], Iterable[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allowed = allowed

    def to_internal_value(self, data: Any) -> str:
        """Return the string; raise ValidationError if it is not allowed."""
        text = super().to_internal_value(data)
        if text not in self.allowed():
            self.fail("unknown", input=text)
        return text


class DayField(serializers.DateField):
    """A day, written YYYY-MM-DD only."""

    default_error_messages = {"invalid": NO_DAY}

    def to_internal_value(self, value: Any) -> Any:
        try:
            return day_of(value)
        except (ValueError, TypeError):
            self.fail("invalid")


class JSONBooleanField(serializers.BooleanField):
    """A JSON boolean. Numbers and words are not converted."""

    default_error_messages = {"invalid": "Give true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the boolean; raise ValidationError for any other type."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class InputSerializer(serializers.Serializer[Any]):
    """Rejects unknown members. Invalid data is a problem with an entry for each invalid field."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated data; unknown members are reported together with invalid ones."""
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
        """Return whether the data is valid; with `raise_exception`, raise the problem if it is not."""
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
