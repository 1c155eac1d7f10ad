"""How many requests a minute a caller and an account may make: counted in Redis, and not at all while that is away."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from limits.storage import RedisStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.models import Administrator
from jobs.broker import BrokerAwayError, circuit
from reports.api.exceptions import Problem, ProblemType
from reports.api.permissions import Caller, caller_of
from reports.orders.enqueue import TooManyJobsError

logger = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
QUEUE_SECONDS = 30
"""After which time a program that was refused since too many of its jobs wait tries again."""
KEY_PREFIX = "api-requests"


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be spent in each minute: `limit` requests of `who`, counted under the key."""

    key: str
    limit: int
    who: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """What was spent of a quota in this minute, this request included, and in how many seconds the next one begins."""

    quota: Quota
    spent: int
    reset: int

    @property
    def remaining(self) -> int:
        """How many requests are left."""
        return max(0, self.quota.limit - self.spent)

    def refuse_when_exceeded(self) -> None:
        """Raise the problem when this request was one too many."""
        if self.spent <= self.quota.limit:
            return
        detail = f"{self.quota.who} may make {self.quota.limit} requests a minute. Go on in {self.reset} seconds."
        raise Problem(ProblemType.RATE_LIMITED, detail, headers={"Retry-After": str(self.reset)})


class LimitedView(APIView):
    """A view whose requests are counted: for who asks, and for the account that the request is about.

    That is the token's account, or that of the object which the request looked up; of a list, the only account that the
    caller sees. Every answer says in its headers how much is left of the quota that ends first.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._allowances: list[Allowance] = []
        self._charged_account = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the request, also one that is refused for another reason; only who is somebody is counted."""
        if isinstance(request.user, Administrator):
            caller = caller_of(request)
            accounts = _accounts_of(caller, is_list=not kwargs and request.method in SAFE_METHODS)
            self._charged_account = bool(accounts)
            self._spend([_quota_of_caller(caller), *map(_quota_of_account, accounts)])
        super().initial(request, *args, **kwargs)

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        """Count the request for the account of the object that was found."""
        super().check_object_permissions(request, obj)
        if (account_id := getattr(obj, "account_id", None)) is not None:
            self.charge_account(account_id)

    def charge_account(self, account_id: int) -> None:
        """Count the request for the account that it turned out to be about; once. Raises the problem of a 429."""
        if not self._charged_account:
            self._charged_account = True
            self._spend([_quota_of_account(account_id)])

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Say what is left."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self._allowances:
            tightest = min(self._allowances, key=lambda allowance: (allowance.remaining, allowance.quota.limit))
            answer["RateLimit-Limit"] = str(tightest.quota.limit)
            answer["RateLimit-Remaining"] = str(tightest.remaining)
            answer["RateLimit-Reset"] = str(tightest.reset)
        return answer

    def _spend(self, quotas: list[Quota]) -> None:
        for allowance in spend(quota for quota in quotas if quota.limit):
            self._allowances.append(allowance)
            allowance.refuse_when_exceeded()


@contextmanager
def queue_permitting() -> Iterator[None]:
    """Around a request for a report: too many jobs that wait are the problem of a 429."""
    try:
        yield
    except TooManyJobsError as error:
        headers = {"Retry-After": str(QUEUE_SECONDS)}
        raise Problem(ProblemType.TOO_MANY_JOBS, str(error), headers=headers) from error


def spend(quotas: Iterable[Quota]) -> list[Allowance]:
    """Count one request against each quota, as far as the first that is exceeded; fewer when Redis does not answer.

    Minutes are the clock's, so that all of a quota comes back at once, at the moment that the headers name.
    """
    minute, second = divmod(time.time(), WINDOW_SECONDS)
    reset = math.ceil(WINDOW_SECONDS - second)
    storage = _storage(settings.REDIS_URL)
    allowances: list[Allowance] = []
    try:
        with circuit.guarding(RedisConnectionError, RedisTimeoutError, patience=settings.LIMITS_PATIENCE_SECONDS):
            for quota in quotas:
                spent = storage.incr(f"{quota.key}:{minute:.0f}", WINDOW_SECONDS)
                allowances.append(Allowance(quota, spent, reset))
                if spent > quota.limit:
                    break
    except BrokerAwayError:
        pass  # said in the log when it began
    except RedisError as error:
        logger.warning("requests_not_counted", error=str(error))
    return allowances


@cache
def _storage(url: str) -> RedisStorage:
    """The counters. As few exchanges as possible with a new connection, and no second try: the patience is short."""
    patience = settings.LIMITS_PATIENCE_SECONDS
    connections = ConnectionPool.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    return RedisStorage("redis://", connections, key_prefix=KEY_PREFIX)


def _accounts_of(caller: Caller, *, is_list: bool) -> list[int]:
    """The one account that the request is about whatever it finds, or none."""
    if caller.token is not None and caller.token.account_id is not None:
        return [caller.token.account_id]
    if caller.administrator.is_platform_staff or not is_list:
        return []
    accounts = list(caller.accounts.values_list("pk", flat=True)[:2])
    return accounts if len(accounts) == 1 else []


def _quota_of_caller(caller: Caller) -> Quota:
    limit: int = settings.API_REQUESTS_PER_MINUTE_PER_TOKEN
    if caller.token is not None:
        return Quota(f"token:{caller.token.pk}", limit, "A token")
    return Quota(f"administrator:{caller.administrator.pk}", limit, "An administrator")


def _quota_of_account(account_id: int) -> Quota:
    return Quota(f"account:{account_id}", settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT, "An account")
