"""From the click on Download Usage Data to the file: through the web server, the broker and a worker."""

import http.client
import json
import re
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse

from benchmarks.measuring import Lapse, Measured
from benchmarks.reports_usage import load_calls
from benchmarks.reports_world import Customer
from benchmarks.uploads_memory import serving, working
from billing.cycles import ONE_DAY

CALLS = 10_000
CLICKS = 9
SECONDS = 1.0
PATIENCE_SECONDS = 60
# When the page's script fetches the progress: soon after the answer to the click, then less and less often.
FIRST_PAUSE, SLOWER, PAUSE = 0.2, 1.5, 1.0
_FILE = re.compile(r'href="([^"]+)"[^>]*data-file')


class Browser:
    """A browser with a signed-in administrator who has the page open."""

    def __init__(self, customer: Customer, port: int) -> None:
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(customer.administrator)
        self.page = reverse("account_settings:download-usage-report", args=[customer.subscription.pk])
        self.progress = reverse("account_settings:progress", args=[customer.subscription.pk])
        client.get(self.page)
        self.token = client.cookies["csrftoken"].value
        self.cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        self.port = port

    def click(self, day: date) -> float:
        """Order the calls of a day as the page's script does, and return the seconds until the file is there."""
        form = {
            "csrfmiddlewaretoken": self.token,
            "range": "custom",
            "date_from": day,
            "date_through": day,
            "report_type": "voice-usage",
            "format": "csv",
        }
        start = time.perf_counter()
        job = self._json("POST", self.page, form)["job"]
        pause = FIRST_PAUSE
        while not job["finished"]:
            if time.perf_counter() - start > PATIENCE_SECONDS:
                raise RuntimeError(f"{job['title']}: {job['progress']}")
            time.sleep(pause)
            pause = min(PAUSE, pause * SLOWER)
            found = self._json("GET", f"{self.progress}?{urlencode({'id': job['id']})}")["jobs"]
            job = next(it for it in found if it["id"] == job["id"])
        link = _FILE.search(job["html"])
        if link is None:
            raise RuntimeError(f"{job['title']}: {job['state']}. {job['failure']}")
        lines = self._ask("GET", unescape(link[1]), {}, "*/*").count(b"\n")
        seconds = time.perf_counter() - start
        if lines != CALLS + 1:
            raise RuntimeError(f"a file of {lines} lines")
        return seconds

    def _json(self, method: str, address: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask(method, address, form or {}, "application/json"))
        return answer

    def _ask(self, method: str, address: str, form: dict[str, Any], accept: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Accept": accept, "Cookie": self.cookies, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, address, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {address} answers {answer.status}: {content[:500]!r}")
        return content


def figures() -> Iterator[Measured]:
    """Choose another day with each click, so that no earlier report is offered again."""
    yesterday = datetime.now(UTC).date() - ONE_DAY
    first_day = yesterday - timedelta(days=CLICKS)
    customer = Customer.make("CLICK", activated_on=first_day - timedelta(days=40))
    load_calls([customer], of_each=CALLS * (CLICKS + 1), first_day=first_day, days=CLICKS + 1)
    with serving() as (_server, port), working("reports"):
        browser = Browser(customer, port)
        browser.click(first_day)  # everything has started and has been used once
        clicks = [browser.click(first_day + timedelta(days=number + 1)) for number in range(CLICKS)]
    yield Lapse(f"click to file, {CALLS:,} calls, median of {CLICKS}", statistics.median(clicks), SECONDS)
    yield Lapse("the slowest of them", max(clicks), None)
