"""Parses request bodies: JSON without the ambiguities that its standard allows."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 16 * 1024
"""In bytes, far more than any request needs. It also bounds the response, which names every invalid member."""


class ObjectParser(JSONParser):
    """Parses one JSON object in UTF-8; rejects duplicate members, NaN, and characters that text cannot contain."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object; raise RequestDataTooBig, or ParseError with a message for people."""
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
            raise ParseError("The body contains a number with too many digits.") from error
        if not isinstance(parsed, dict):
            raise ParseError("The body is not a JSON object.")
        return parsed


def _object(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in members:
        if name in known:
            raise ParseError("The body has a duplicate member in one object: every name may appear only once.")
        known[name] = value
    return known


def _refuse_constant(name: str) -> None:
    raise ParseError(f"{name} is not JSON.")


def _refuse_odd_characters(value: Any) -> None:
    """Reject NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot encode."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ParseError("The body contains a NUL character or a lone surrogate.")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_odd_characters(name)
            _refuse_odd_characters(member)
    elif isinstance(value, list):
        for item in value:
            _refuse_odd_characters(item)
