"""Idempotency keys: repeating a request, after a lost response or concurrently, creates no second job."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from rest_framework.request import Request

from jobs.locks import hold
from reports.api.exceptions import FieldError, Problem, ProblemType, invalid
from reports.api.permissions import Caller
from reports.models import IdempotencyKey, ReportJob

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile("[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class JobResponse:
    """The body of a response, and whether it repeats an earlier one."""

    body: dict[str, Any]
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with a key, which identifies one request of the administrator for 24 hours."""

    caller: Caller
    key: str
    fingerprint: str

    def first_response(self) -> JobResponse | None:
        """Return the response to the first request; None for a new key, or if the caller no longer sees the job.

        Raises a problem if the key was used for a different request.
        """
        known = IdempotencyKey.objects.valid().filter(administrator=self.caller.administrator, key=self.key).first()
        if known is None:
            return None
        if known.fingerprint != self.fingerprint:
            raise Problem(
                ProblemType.IDEMPOTENCY_KEY_REUSED,
                "The key was used for a different request in the last 24 hours. Use a new key.",
                errors=[FieldError(HEADER, "The key was used for a different request.")],
            )
        if not self.caller.report_jobs.filter(pk=known.job_id).exists():
            return None
        return JobResponse(json.loads(known.answer), is_replayed=True)

    def answer(self, make: Callable[[], tuple[ReportJob, dict[str, Any]]]) -> JobResponse:
        """Create the job and store the response in one transaction, or return that of a concurrent request."""
        with transaction.atomic():
            # Concurrent requests with the same key wait here until the first one has committed.
            hold(f"idempotency key: administrator {self.caller.administrator.pk}, {self.key}")
            if answer := self.first_response():
                return answer
            IdempotencyKey.objects.filter(administrator=self.caller.administrator, key=self.key).delete()
            job, body = make()
            IdempotencyKey.objects.create(
                administrator=self.caller.administrator,
                key=self.key,
                fingerprint=self.fingerprint,
                job=job,
                answer=json.dumps(body),
            )
        return JobResponse(body)


def idempotent_request(request: Request, caller: Caller) -> IdempotentRequest | None:
    """Return the request with its key, None without one. Reads the body; raises a problem for an invalid key."""
    body = request.data
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid([FieldError(HEADER, "Give 1 to 255 visible ASCII characters.")])
    request_text = json.dumps([request.method, request.path, body], sort_keys=True)
    return IdempotentRequest(caller, key, hashlib.sha256(request_text.encode()).hexdigest())
