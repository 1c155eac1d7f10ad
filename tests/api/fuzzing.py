"""Hooks for Schemathesis, which its configuration loads in a separate process."""

from itertools import count
from typing import Any
from uuid import uuid4

import schemathesis

LONGEST_WAIT = 30
_calls = count(1)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Mostly replace the example's key with a new one: another body under the same key is refused before it is read."""
    header = "Idempotency-Key"
    example = "1f0c6d3e-voice-usage-2026-11"
    if case.headers and case.headers.get(header) == example and next(_calls) % 5:
        case.headers[header] = str(uuid4())


@schemathesis.hook("before_call")
def wait_for_a_second_at_most(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]
) -> None:
    """Shorten the wait that the schema allows: a queued job would hold each of these requests for as long."""
    wait = str((case.query or {}).get("wait", ""))
    if wait.isascii() and wait.isdecimal() and 1 < int(wait) <= LONGEST_WAIT:
        case.query["wait"] = 1
