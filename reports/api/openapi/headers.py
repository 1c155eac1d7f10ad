"""The headers of answers, by name."""

import base64
from typing import Any

from reports.api.openapi import examples


def _always(description: str, example: str, **schema: Any) -> dict[str, Any]:
    """A header that is there wherever an answer names it."""
    return {**_text(description, example, **schema), "required": True}


def _text(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}, "example": example}


_DIGEST = base64.b64encode(bytes.fromhex(examples.SHA256)).decode()

DESCRIBED: dict[str, dict[str, Any]] = {
    "Accept-Ranges": _always("The file can be fetched in parts.", "bytes"),
    "Cache-Control": _text("Nobody but the caller may keep the answer, and nobody should.", "private, no-store"),
    "Content-Disposition": _always(
        "The name under which to save the file.", f'attachment; filename="{examples.MANIFEST["file_name"]}"'
    ),
    "Content-Length": _number("The length of what follows, in bytes.", examples.MANIFEST["bytes"]),
    "Content-Range": _always("Which bytes of how many these are; after a 416, how many there are.", "bytes 0-99/642"),
    "ETag": _always("The SHA-256 of the whole file, in hexadecimal digits.", examples.ETAG),
    "Idempotency-Replayed": _text("`true` on the answer of an earlier request with the same key.", "true"),
    "Last-Modified": _text("When the file was made.", "Sun, 22 Nov 2026 09:14:05 GMT"),
    "Location": _always("The address of the job.", f"{examples.JOB}/", format="uri"),
    "RateLimit-Limit": _number("How many requests are allowed in a minute.", 300),
    "RateLimit-Remaining": _number("How many of them are left.", 287),
    "RateLimit-Reset": _number("In how many seconds all of them are allowed again.", 42),
    "Repr-Digest": _always("The SHA-256 of the whole file as RFC 9530 has it.", f"sha-256=:{_DIGEST}:"),
    "Retry-After": _number("After how many seconds to ask again.", 2),
    "WWW-Authenticate": _always("How to authenticate, and after a token, that it was the token.", "Bearer"),
}

OF_ALL = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
