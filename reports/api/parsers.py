"""Reading the body of a request: JSON without the ambiguities that the standard leaves open."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 16 * 1024
"""Bytes: far more than any request needs. The answer names each member at fault, and grows with them."""


class ObjectParser(JSONParser):
    """One JSON object in UTF-8: no member twice, no NaN, and no character that is part of no text."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The object. Raises ParseError with a sentence that says what is wrong; RequestDataTooBig."""
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise RequestDataTooBig(f"The body is larger than {LARGEST_BODY // 1024} KiB.")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error
        try:
            parsed = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
            _refuse_odd_characters(parsed)
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except json.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}.") from error
        except ValueError as error:
            raise ParseError("The body holds a number of too many digits.") from error
        if not isinstance(parsed, dict):
            raise ParseError("The body is not a JSON object.")
        return parsed


def _object(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in members:
        if name in known:
            raise ParseError("The body has a member twice in one object.")
        known[name] = value
    return known


def _refuse_constant(name: str) -> None:
    raise ParseError(f"{name} is not JSON.")


def _refuse_odd_characters(value: Any) -> None:
    """PostgreSQL takes no NUL, and half of a surrogate pair can be written nowhere."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ParseError("The body holds a character that is part of no text.")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_odd_characters(name)
            _refuse_odd_characters(member)
    elif isinstance(value, list):
        for item in value:
            _refuse_odd_characters(item)
