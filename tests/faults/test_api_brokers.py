"""Asking through the API while Redis is stopped, frozen or started again: answers in time, and one report for each."""

import json
import signal
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection

from billing.models import Subscription
from jobs.broker import circuit
from jobs.states import State
from reports.api import limits
from reports.models import ReportJob
from tests.api.world import make_member, program, to
from tests.factories import make_api_token, make_subscription
from tests.faults.processes import Broker, Processes, wait_for
from tests.faults.test_killed_workers import FAST
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.usefixtures("impatient")

MOST_SECONDS = 3
AT_ONCE = 20


class Asking(threading.Thread):
    """Asks for another report each time, every third of them twice with one key; `wrong` is what may not be."""

    def __init__(self, site: str, subscription: Subscription) -> None:
        super().__init__()
        self.done = threading.Event()
        self.seconds: list[float] = []
        self.jobs: list[str] = []
        self.wrong: list[str] = []
        self._url = site + to("report-jobs")
        self._subscription = subscription
        self._secret = make_api_token(administrator=make_member(subscription.account))[1]

    def run(self) -> None:
        for number in count():
            if self.done.wait(0.3):
                break
            key = str(uuid.uuid4())
            body = json.dumps(order(self._subscription, number)).encode()
            answers = {self._ask(key, body) for _ in range(2 if number % 3 == 0 else 1)}
            self.jobs.extend(answers)
            if len(answers) > 1:
                self.wrong.append(f"two answers for one key: {answers}")

    def _ask(self, key: str, body: bytes) -> str:
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, {**headers, "Idempotency-Key": key})
        watch = Stopwatch()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                job: str = json.load(answer)["id"]
                if answer.status != 202:
                    self.wrong.append(f"answered {answer.status}")
        except OSError as error:  # of which HTTP errors are some
            self.wrong.append(str(error))
            return ""
        finally:
            self.seconds.append(watch.seconds)
        return job


def order(subscription: Subscription, number: int) -> dict[str, str]:
    """For each number another report."""
    day = str(subscription.activation_date + timedelta(days=number))
    return {
        "report_type": "user-hours",
        "subscription": subscription.number,
        "date_from": day,
        "date_through": day,
    }


def test_all_reports_are_made_and_none_twice_although_redis_freezes_and_dies_while_they_are_asked_for(
    processes: Processes, settings: Any
) -> None:
    broker = processes.broker
    for _ in range(2):
        processes.worker("reports", **FAST)
    processes.maintenance(**FAST)
    asking = [Asking(processes.web(**FAST), make_subscription())]
    asking += [Asking(asking[0]._url.removesuffix(to("report-jobs")), make_subscription()) for _ in range(5)]
    for thread in asking:
        thread.start()
    try:
        made = ReportJob.objects.filter(state=State.SUCCEEDED)
        wait_for(made.exists, seconds=60, what="the workers are there", pause=0.2)
        disturb(broker)
    finally:
        for thread in asking:
            thread.done.set()
        for thread in asking:
            thread.join()
    assert [wrong for thread in asking for wrong in thread.wrong] == []
    slowest = max(seconds for thread in asking for seconds in thread.seconds)
    assert slowest < MOST_SECONDS
    asked = {job for thread in asking for job in thread.jobs}
    wait_for(lambda: made.count() >= len(asked), seconds=60, what="all are made", pause=0.2)
    assert {str(job.pk): job.attempt for job in ReportJob.objects.all()} == dict.fromkeys(asked, 1)
    stored = {path.name for path in (settings.FILES_ROOT / "reports").iterdir()}
    assert stored == {f"{job}.1.csv" for job in asked}
    print(f"{len(asked)} reports; the slowest answer took {slowest:.2f} s")  # noqa: T201 - for who runs it with -s


def disturb(broker: Broker) -> None:
    """Freeze, go on, kill, start, and freeze once more for a moment."""
    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(6.5)  # longer than Redis is left alone
    broker.process.send_signal(signal.SIGCONT)
    time.sleep(2)
    broker.kill()
    time.sleep(2)
    broker.start()
    time.sleep(5.5)
    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    broker.process.send_signal(signal.SIGCONT)


@pytest.fixture
def counted_there(broker: Broker, settings: Any) -> Iterator[Broker]:
    """This process's own requests are counted in the test's broker, too."""
    settings.REDIS_URL = broker.url
    limits._storage.cache_clear()
    yield broker
    limits._storage.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_of_twenty_requests_none_waits_for_another_when_redis_freezes_between_the_count_and_the_message(
    counted_there: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = make_subscription()
    programs = [program(make_member(subscription.account)) for _ in range(AT_ONCE)]
    seconds: list[float] = []
    rounds = count()
    untold = ReportJob.objects.filter(published_at=None)

    def ask_all_at_once(*, frozen_midway: bool) -> list[Any]:
        first_day = next(rounds) * AT_ONCE
        action = (lambda: counted_there.process.send_signal(signal.SIGSTOP)) if frozen_midway else None
        midway = threading.Barrier(AT_ONCE, action=action)
        monkeypatch.setattr("reports.requesting._refuse_when_too_many_wait", lambda _job: midway.wait(30))
        answers: list[Any] = []
        seconds.clear()

        def ask(number: int) -> None:
            try:
                answers.append(programs[number].post_json(to("report-jobs"), order(subscription, first_day + number)))
                seconds.append(watch.seconds)
            finally:
                connection.close()

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(AT_ONCE)]
        watch = Stopwatch()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def all_are_told_of() -> bool:
        """Ask on connections that are there from then on; a Redis that is well may be late on a busy machine."""
        circuit.forget()
        before = untold.count()
        answers = ask_all_at_once(frozen_midway=False)
        assert [answer.status_code for answer in answers] == [202] * AT_ONCE
        return untold.count() == before

    def all_are_counted_before_it_freezes() -> bool:
        """Ask while it freezes midway; whoever was not counted by then waited for Redis before."""
        counted_there.process.send_signal(signal.SIGCONT)
        wait_for(all_are_told_of, seconds=60, what="a Redis that is well is told of every report")
        before = untold.count()
        answers = ask_all_at_once(frozen_midway=True)
        assert [answer.status_code for answer in answers] == [202] * AT_ONCE
        assert untold.count() == before + AT_ONCE
        return all("RateLimit-Remaining" in answer for answer in answers)

    wait_for(all_are_counted_before_it_freezes, seconds=60, what="a Redis that is well counts every request")
    assert max(seconds) < MOST_SECONDS
    print(f"the slowest of {AT_ONCE} took {max(seconds):.2f} s")  # noqa: T201 - for who runs it with -s
    answers = ask_all_at_once(frozen_midway=False)  # Redis is left alone
    assert not any("RateLimit-Remaining" in answer for answer in answers)
