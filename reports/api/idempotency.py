"""Idempotency keys: the same request again, after an answer that got lost or at the same time, makes no second job."""

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
class Answer:
    """The body of an answer, and whether it was given before."""

    body: dict[str, Any]
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class Retryable:
    """A request that carries a key: an administrator's own word for it, which stands for one request for 24 hours."""

    caller: Caller
    key: str
    fingerprint: str

    def first_answer(self) -> Answer | None:
        """The answer to the same request before; None for a new key, or where the caller does not see the job now.

        Raises a problem when the key stands for another request.
        """
        known = IdempotencyKey.objects.valid().filter(administrator=self.caller.administrator, key=self.key).first()
        if known is None:
            return None
        if known.fingerprint != self.fingerprint:
            raise Problem(
                ProblemType.IDEMPOTENCY_KEY_REUSED,
                "The key was used for another request within the last 24 hours. Take a new one.",
                errors=[FieldError(HEADER, "It stands for another request.")],
            )
        if not self.caller.report_jobs.filter(pk=known.job_id).exists():
            return None
        return Answer(json.loads(known.answer), is_replayed=True)

    def answer(self, make: Callable[[], tuple[ReportJob, dict[str, Any]]]) -> Answer:
        """Make the job and remember the answer, in one transaction; or give the answer of who was quicker."""
        with transaction.atomic():
            # Of requests with the key at once the others wait here until the first has committed.
            hold(f"idempotency key: administrator {self.caller.administrator.pk}, {self.key}")
            if answer := self.first_answer():
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
        return Answer(body)


def retryable(request: Request, caller: Caller) -> Retryable | None:
    """The request with its key, None without one. Reads the body; raises a problem for what is no key."""
    body = request.data
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid([FieldError(HEADER, "Give 1 to 255 visible ASCII characters.")])
    request_text = json.dumps([request.method, request.path, body], sort_keys=True)
    return Retryable(caller, key, hashlib.sha256(request_text.encode()).hexdigest())
