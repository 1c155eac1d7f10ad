"""Descriptions of the response headers, by name."""

import base64
from typing import Any

from reports.api.openapi import examples


def _always(description: str, example: str, **schema: Any) -> dict[str, Any]:
    """Describe a header that is always present where a response declares it."""
    return {**_text(description, example, **schema), "required": True}


def _text(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}, "example": example}


_DIGEST = base64.b64encode(bytes.fromhex(examples.SHA256)).decode()

DESCRIBED: dict[str, dict[str, Any]] = {
    "Accept-Ranges": _always("Range requests are supported.", "bytes"),
    "Cache-Control": _text("Caches must not store the response.", "private, no-store"),
    "Content-Disposition": _always(
        "The suggested file name.", f'attachment; filename="{examples.MANIFEST["file_name"]}"'
    ),
    "Content-Length": _number("The size of the response body in bytes.", examples.MANIFEST["bytes"]),
    "Content-Range": _always(
        "The range of bytes in this response and the total size; in a 416, the total size only.", "bytes 0-99/642"
    ),
    "ETag": _always("The SHA-256 of the whole file, in hexadecimal.", examples.ETAG),
    "Idempotency-Replayed": _text(
        "`true` if this is the stored response to an earlier request with the same key.", "true"
    ),
    "Last-Modified": _text("When the file was created.", "Sun, 22 Nov 2026 09:14:05 GMT"),
    "Location": _always("The URL of the job.", f"{examples.JOB}/", format="uri"),
    "RateLimit-Limit": _number("The number of requests allowed per minute.", 300),
    "RateLimit-Remaining": _number("The number of requests left in the current minute.", 287),
    "RateLimit-Reset": _number("The number of seconds until the limit is reset.", 42),
    "Repr-Digest": _always("The SHA-256 of the whole file, in the format of RFC 9530.", f"sha-256=:{_DIGEST}:"),
    "Retry-After": _number("The number of seconds to wait before the next request.", 2),
    "WWW-Authenticate": _always(
        'How to authenticate; with `error="invalid_token"` if the token was rejected.', "Bearer"
    ),
}

OF_ALL = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
