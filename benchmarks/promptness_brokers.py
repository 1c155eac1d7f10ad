"""The cost of a frozen or absent Redis: for a message, for an order of a report, and for counting an API request."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from celery import Celery
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from benchmarks.measuring import Figure
from benchmarks.reports_world import ACTIVATED_ON, ASKED_ON, Customer
from billing.cycles import ONE_DAY, DateRange
from billing.models import ApiToken
from jobs.broker import circuit
from jobs.publishing import publish
from reports.orders.enqueue import ReportOrder, enqueue_report

AT_ONCE = 20
MESSAGE_BOUND, AT_ONCE_BOUND, REQUESTS_BOUND = 4, 3, 2.25


@contextmanager
def frozen_server() -> Iterator[tuple[str, int]]:
    """Listen on a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        host, port = server.getsockname()
        yield host, port


def figures() -> Iterator[Figure]:
    """Close the circuit breaker before each measurement, so that each one contacts Redis."""
    customer = Customer.make("BROKERS")
    time_out = float(settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"])
    days = iter(range(1000))

    def ask() -> None:
        day = ACTIVATED_ON + next(days) * ONE_DAY
        order = ReportOrder(subscription=customer.subscription, report_type="user-hours", days=DateRange(day, day))
        enqueue_report(order, administrator=customer.administrator, today=ASKED_ON)

    with frozen_server() as (host, port), socket.create_server(("127.0.0.1", 0)) as closed:
        absent_port = closed.getsockname()[1]
        closed.close()
        for name, address in {"frozen": (host, port), "absent": (host, absent_port)}.items():
            with _publishing_to(*address):
                against = "the broker's time-out"
                yield Figure(f"asking for a report, {name} broker", _seconds(ask), against, time_out, MESSAGE_BOUND)
        with _publishing_to(host, port):
            job = customer.asked("user-hours", DateRange(ACTIVATED_ON, ACTIVATED_ON))
            one = _seconds(lambda: publish(job))
            many = _seconds(lambda: publish(job), at_once=AT_ONCE)
            yield Figure(f"{AT_ONCE} messages at once, frozen broker", many, "one", one, AT_ONCE_BOUND)
        with override_settings(REDIS_URL=f"redis://{host}:{port}/0"):
            yield from _counting(customer)


def _counting(customer: Customer) -> Iterator[Figure]:
    expires_at = datetime.now(UTC) + timedelta(days=1)
    secret = ApiToken.objects.issue(administrator=customer.administrator, name="benchmark", expires_at=expires_at)[1]

    def get() -> None:
        answer = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/")
        if answer.status_code != 200:
            raise RuntimeError(f"answered {answer.status_code}")

    def get_thrice() -> None:
        for _number in range(3):
            get()

    one = _seconds(get)
    patience = float(settings.LIMITS_PATIENCE_SECONDS)
    yield Figure("a request to the API, frozen Redis", one, "the patience with Redis", patience, REQUESTS_BOUND)
    three = _seconds(get_thrice)
    yield Figure("three one after the other, frozen Redis", three, "the patience with Redis", patience, REQUESTS_BOUND)
    many = _seconds(get, at_once=AT_ONCE)
    yield Figure(f"{AT_ONCE} requests at once, frozen Redis", many, "one", one, AT_ONCE_BOUND)


@contextmanager
def _publishing_to(host: str, port: int) -> Iterator[None]:
    with Celery("measured", broker=f"redis://{host}:{port}/0", set_as_current=False) as celery:
        celery.config_from_object("django.conf:settings", namespace="CELERY")
        celery.conf.update(broker_url=f"redis://{host}:{port}/0")
        with patch("jobs.publishing.current_app", celery):
            yield


def _seconds(act: Callable[[], object], *, at_once: int = 1) -> float:
    """Return the least of three rounds, each from the first start to the last end."""
    return min(_round(act, at_once) for _number in range(3))


def _round(act: Callable[[], object], at_once: int) -> float:
    circuit.forget()
    barrier = threading.Barrier(at_once + 1)

    def do() -> None:
        connection.ensure_connection()
        barrier.wait()
        act()
        connection.close()

    threads = [threading.Thread(target=do) for _number in range(at_once)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start
