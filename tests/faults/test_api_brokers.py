"""Orders through the API while Redis is stopped, frozen or restarted: each is answered and gives one report."""

import json
import signal
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import Subscription
from jobs.broker import circuit
from jobs.locks import hold
from jobs.states import State
from reports.api import throttling
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import program
from tests.factories import make_api_token, make_subscription
from tests.people import make_member
from tests.processes import FAST, Broker, Processes
from tests.waiting import GUARD_SECONDS, wait_for

pytestmark = pytest.mark.usefixtures("impatient")

AT_ONCE = 20


class Asking(threading.Thread):
    """A thread that orders a different report each time, every third twice with one key; `wrong` collects failures."""

    def __init__(self, site: str, subscription: Subscription) -> None:
        super().__init__()
        self.done = threading.Event()
        self.jobs: list[str] = []
        self.wrong: list[str] = []
        self._url = site + to("report-jobs")
        self._subscription = subscription
        self._secret = make_api_token(administrator=make_member(subscription.account))[1]

    def run(self) -> None:
        for number in count():
            if self.done.wait(0.1):
                break
            key = str(uuid.uuid4())
            body = json.dumps(order(self._subscription, number)).encode()
            answers = {self._ask(key, body) for _ in range(2 if number % 3 == 0 else 1)}
            self.jobs.extend(answers)
            if len(answers) > 1:
                self.wrong.append(f"two answers for one key: {answers}")

    def has_been_answered(self, times: int) -> bool:
        """Return whether it has had this many answers."""
        return len(self.jobs) >= times

    def _ask(self, key: str, body: bytes) -> str:
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, {**headers, "Idempotency-Key": key})
        try:
            with urllib.request.urlopen(request, timeout=GUARD_SECONDS) as answer:
                job: str = json.load(answer)["id"]
                if answer.status != 202:
                    self.wrong.append(f"answered {answer.status}")
        except OSError as error:  # HTTP errors are among them
            self.wrong.append(str(error))
            return ""
        return job


def order(subscription: Subscription, number: int) -> dict[str, str]:
    """Return a different order for each number."""
    day = str(subscription.activation_date + timedelta(days=number))
    return {
        "report_type": "user-hours",
        "subscription": subscription.number,
        "date_from": day,
        "date_through": day,
    }


def test_every_order_gives_one_report_even_if_redis_freezes_and_dies_meanwhile(
    processes: Processes, files_root: Path
) -> None:
    for _ in range(2):
        processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    site = processes.web(**FAST)
    asking = [Asking(site, make_subscription()) for _ in range(4)]
    for thread in asking:
        thread.start()
    made = ReportJob.objects.filter(state=State.SUCCEEDED)
    try:
        wait_for(made.exists, what="the workers are there", pause=0.1)
        disturb(processes.broker, asking)
    finally:
        for thread in asking:
            thread.done.set()
        for thread in asking:
            thread.join()
    assert [wrong for thread in asking for wrong in thread.wrong] == []
    asked = {job for thread in asking for job in thread.jobs}
    wait_for(lambda: made.count() >= len(asked), what="all are made", pause=0.2)
    assert {str(job.pk): job.attempt for job in ReportJob.objects.all()} == dict.fromkeys(asked, 1)
    stored = {path.name for path in (files_root / "reports").iterdir()}
    assert stored == {f"{job}.1.csv" for job in asked}


def disturb(broker: Broker, asking: list[Asking]) -> None:
    """Freeze, continue, kill, start and freeze Redis; after each, wait until every thread has more answers."""

    def freeze() -> None:
        broker.process.send_signal(signal.SIGSTOP)

    def go_on() -> None:
        broker.process.send_signal(signal.SIGCONT)

    for change, answers in ((freeze, 6), (go_on, 3), (broker.kill, 6), (broker.start, 3), (freeze, 2), (go_on, 1)):
        change()
        before = [len(thread.jobs) for thread in asking]
        for thread, so_far in zip(asking, before, strict=True):
            wait_for(
                partial(thread.has_been_answered, so_far + answers), what=f"answers after {change.__name__}", pause=0.05
            )


@pytest.fixture
def counted_there(broker: Broker, settings: Any) -> Iterator[Broker]:
    """Count this process's own requests in the test's broker, too."""
    settings.REDIS_URL = broker.url
    throttling._storage.cache_clear()
    yield broker
    throttling._storage.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_twenty_requests_are_answered_even_if_redis_freezes_between_count_and_message(
    counted_there: Broker, settings: Any
) -> None:
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = (
        1_000_000  # so that requests hold their account's lock while they are counted
    )
    subscription = make_subscription()
    programs = [program(make_member(subscription.account)) for _ in range(AT_ONCE)]
    rounds = count()
    unpublished = ReportJob.objects.filter(published_at=None)

    def ask_all_at_once(*, midway: Callable[[], object] = lambda: None) -> list[Any]:
        first_day = next(rounds) * AT_ONCE
        answers: list[Any] = []

        def ask(number: int) -> None:
            try:
                answers.append(programs[number].post_json(to("report-jobs"), order(subscription, first_day + number)))
            finally:
                connection.close()

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(AT_ONCE)]
        with transaction.atomic():
            hold(f"queue of account {subscription.account_id}")
            for thread in threads:
                thread.start()
            wait_for(lambda: waiting_for_a_lock() == AT_ONCE, what="all are counted, and none has sent its message")
            midway()
        for thread in threads:
            thread.join(GUARD_SECONDS)
        assert [answer.status_code for answer in answers] == [202] * AT_ONCE
        return answers

    def all_are_published() -> bool:
        """Send all orders over open connections. On a busy machine even a healthy Redis may be late."""
        circuit.forget()
        before = unpublished.count()
        ask_all_at_once()
        return unpublished.count() == before

    def all_are_counted_before_it_freezes() -> bool:
        """Send all orders, and freeze Redis midway; a request not counted by then is still waiting for Redis."""
        counted_there.process.send_signal(signal.SIGCONT)
        wait_for(all_are_published, what="every report to be published to a healthy Redis")
        before = unpublished.count()
        answers = ask_all_at_once(midway=lambda: counted_there.process.send_signal(signal.SIGSTOP))
        assert unpublished.count() == before + AT_ONCE
        return all("RateLimit-Remaining" in answer for answer in answers)

    wait_for(all_are_counted_before_it_freezes, what="a Redis that is well counts every request")
    answers = ask_all_at_once()  # the circuit breaker is open
    assert not any("RateLimit-Remaining" in answer for answer in answers)


def waiting_for_a_lock() -> int:
    """Return how many connections wait for an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])
