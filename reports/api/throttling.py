"""Request quotas per minute of callers and accounts, counted in Redis; without Redis, nothing is rejected."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

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
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from billing.models import Administrator
from jobs.broker import BrokerAwayError, circuit
from jobs.queue_limits import TooManyJobsError
from reports.api.exceptions import Problem, ProblemType
from reports.api.permissions import Caller, caller_of

logger = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
QUEUE_SECONDS = 30
"""When to try again after a refusal because too many jobs are queued: `Retry-After`."""
KEY_PREFIX = "api-requests"


@dataclass(frozen=True, slots=True)
class RequestQuota:
    """How many requests `holder`, a noun for people, may make per minute; counted under `key`."""

    key: str
    limit: int
    holder: str


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """How many requests were counted against a quota in this minute, including the current one.

    `reset` is the number of seconds until the next minute starts.
    """

    quota: RequestQuota
    count: int
    reset: int

    @property
    def remaining(self) -> int:
        """Return how many requests are left, never less than 0."""
        return max(0, self.quota.limit - self.count)

    @property
    def is_exceeded(self) -> bool:
        """Return whether the current request exceeds the quota."""
        return self.count > self.quota.limit


class QuotaThrottle(BaseThrottle):
    """Counts a request once against one quota, and rejects it when the quota is exceeded.

    `usage` is None until the request was counted. It stays None without a quota or without Redis.
    """

    usage: QuotaUsage | None = None
    _was_counted = False

    def quota_for(self, request: Request, view: APIView) -> RequestQuota | None:
        """Return the quota that the request counts against; None if there is none, or if it is not known yet."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether the request is within the quota; further calls for the same request count nothing."""
        if not self._was_counted and (quota := self.quota_for(request, view)) is not None:
            self._was_counted = True
            self.usage = count_request(quota)
        return self.usage is None or not self.usage.is_exceeded

    def wait(self) -> float | None:
        """Return the seconds until the quota is renewed."""
        return None if self.usage is None else self.usage.reset


class CallerThrottle(QuotaThrottle):
    """Counts requests of a token, or of an administrator who is signed in. Requests of anybody else are not counted."""

    def quota_for(self, request: Request, view: APIView) -> RequestQuota | None:
        """Return the quota of the token or, in a session, of the administrator."""
        if not isinstance(request.user, Administrator):
            return None
        caller = caller_of(request)
        if caller.token is not None:
            key, holder = f"token:{caller.token.pk}", "A token"
        else:
            key, holder = f"administrator:{caller.administrator.pk}", "An administrator"
        return _quota(key, settings.API_REQUESTS_PER_MINUTE_PER_TOKEN, holder)


class AccountThrottle(QuotaThrottle):
    """Counts requests about an account.

    This is the token's account or, for a list, the only account that the caller sees; otherwise it is the view's
    `account_id`, which is None until the view has found the object that the request is about.
    """

    def quota_for(self, request: Request, view: APIView) -> RequestQuota | None:
        """Return the quota of the account, once it is known."""
        if not isinstance(request.user, Administrator):
            return None
        account_id = _account_of(caller_of(request), request, view)
        if account_id is None:
            return None
        return _quota(f"account:{account_id}", settings.API_REQUESTS_PER_MINUTE_PER_ACCOUNT, "An account")


def quota_headers(throttles: Iterable[BaseThrottle]) -> dict[str, str]:
    """Return the `RateLimit` headers for the quota that runs out first; none if nothing was counted."""
    usages = [it.usage for it in throttles if isinstance(it, QuotaThrottle) and it.usage is not None]
    if not usages:
        return {}
    tightest = min(usages, key=lambda usage: (usage.remaining, usage.quota.limit))
    return {
        "RateLimit-Limit": str(tightest.quota.limit),
        "RateLimit-Remaining": str(tightest.remaining),
        "RateLimit-Reset": str(tightest.reset),
    }


def rate_limited(throttle: BaseThrottle) -> Problem:
    """Return the problem of a request that the throttle did not allow; `Retry-After` is the throttle's `wait()`."""
    seconds = f"{throttle.wait() or WINDOW_SECONDS:.0f}"
    usage = throttle.usage if isinstance(throttle, QuotaThrottle) else None
    rule = f"{usage.quota.holder} may make {usage.quota.limit} requests per minute. " if usage else ""
    detail = f"{rule}Try again in {seconds} seconds."
    return Problem(ProblemType.RATE_LIMITED, detail, headers={"Retry-After": seconds})


@contextmanager
def queue_limit_as_problem() -> Iterator[None]:
    """Turn TooManyJobsError into a 429 problem."""
    try:
        yield
    except TooManyJobsError as error:
        headers = {"Retry-After": str(QUEUE_SECONDS)}
        raise Problem(ProblemType.TOO_MANY_JOBS, str(error), headers=headers) from error


def count_request(quota: RequestQuota) -> QuotaUsage | None:
    """Count one request against the quota; return None if Redis does not answer.

    Minutes follow the clock, so the whole quota is renewed at once, at the time that the headers name.
    """
    minute, second = divmod(time.time(), WINDOW_SECONDS)
    reset = math.ceil(WINDOW_SECONDS - second)
    storage = _storage(settings.REDIS_URL)
    try:
        with circuit.guarding(RedisConnectionError, RedisTimeoutError, patience=settings.LIMITS_PATIENCE_SECONDS):
            return QuotaUsage(quota, storage.incr(f"{quota.key}:{minute:.0f}", WINDOW_SECONDS), reset)
    except BrokerAwayError:
        return None  # The circuit has logged the outage.
    except RedisError as error:
        logger.warning("requests_not_counted", error=str(error))
        return None


@cache
def _storage(url: str) -> RedisStorage:
    # Few round trips for a new connection and no retries: a request waits for Redis only briefly.
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


def _account_of(caller: Caller, request: Request, view: APIView) -> int | None:
    if caller.token is not None and caller.token.account_id is not None:
        return caller.token.account_id
    account_id: int | None = getattr(view, "account_id", None)
    is_list = not view.kwargs and request.method in SAFE_METHODS
    if account_id is not None or not is_list or caller.administrator.is_platform_staff:
        return account_id
    accounts = list(caller.accounts.values_list("pk", flat=True)[:2])
    return accounts[0] if len(accounts) == 1 else None


def _quota(key: str, limit: int, holder: str) -> RequestQuota | None:
    """Return the quota; None for a limit of 0, which stands for no limit."""
    return RequestQuota(key, limit, holder) if limit else None
