"""Metrics of requests: how many, with which status, and how long they took."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter(
    "tallydesk_requests",
    "Requests answered, by method, name of the address, and class of status.",
    ["method", "route", "status"],
)
SECONDS = Histogram(
    "tallydesk_request_seconds",
    "Seconds until an answer began, by method and name of the address.",
    ["method", "route"],
    # Up to the 30 seconds that a request may wait for a job.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 31),
)


def count_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that counts requests, except for probes.

    Labels have few values, whatever clients send: never a path, and one word for all unknown methods.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = get_response(request)
        seconds = time.perf_counter() - begun
        method = request.method if request.method in METHODS else "other"
        route = request.resolver_match.view_name if request.resolver_match else "none"
        REQUESTS.labels(method, route, f"{response.status_code // 100}xx").inc()
        SECONDS.labels(method, route).observe(seconds)
        return response

    return answer
