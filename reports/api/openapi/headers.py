"""The headers of answers, by name."""

from typing import Any


def _text(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}, "example": example}


_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

DESCRIBED: dict[str, dict[str, Any]] = {
    "Accept-Ranges": _text("The file can be fetched in parts.", "bytes"),
    "Cache-Control": _text("Nobody but the caller may keep the answer, and nobody should.", "private, no-store"),
    "Content-Disposition": _text(
        "The name under which to save the file.",
        'attachment; filename="voice-usage_SUB-1001_2026-10-22_2026-11-21.csv"',
    ),
    "Content-Length": _number("The length of what follows, in bytes.", 48213),
    "Content-Range": _text("Which bytes of how many these are.", "bytes 0-1023/48213"),
    "ETag": _text("The SHA-256 of the whole file, in hexadecimal digits.", f'"{_SHA256}"'),
    "Idempotency-Replayed": _text("`true` on the answer of an earlier request with the same key.", "true"),
    "Location": _text("The address of the job.", "https://reports.example/api/v1/report-jobs/1729/", format="uri"),
    "Last-Modified": _text("When the file was made.", "Sun, 22 Nov 2026 09:14:05 GMT"),
    "Repr-Digest": _text(
        "The SHA-256 of the whole file as RFC 9530 has it.", "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"
    ),
    "Retry-After": _number("After how many seconds to ask again.", 2),
    "WWW-Authenticate": _text("How to authenticate.", 'Bearer realm="Tallydesk"'),
    "RateLimit-Limit": _number("How many requests are allowed in a minute.", 600),
    "RateLimit-Remaining": _number("How many of them are left.", 587),
    "RateLimit-Reset": _number("In how many seconds all of them are allowed again.", 42),
}

OF_ALL = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
