"""Orders through the API from many threads at once: each gives its own report, and there are no others."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from billing.models import Account, Administrator
from jobs.states import State
from reports import types
from reports.models import ReportJob
from tests.addresses import to
from tests.factories import make_account, make_api_token, make_subscription
from tests.people import make_member
from tests.processes import Processes
from tests.waiting import wait_for

ACCOUNTS, RANGES, THREADS = 5, 4, 20
UNLIMITED = dict.fromkeys(
    (
        *("API_REQUESTS_PER_MINUTE_PER_TOKEN", "API_REQUESTS_PER_MINUTE_PER_ACCOUNT"),
        *("REPORT_JOBS_WAITING_PER_TOKEN", "REPORT_JOBS_WAITING_PER_ACCOUNT"),
    ),
    0,
)


class Program:
    """A client with the administrator's token. Threads may share it; each has its own connection."""

    def __init__(self, site: str, administrator: Administrator) -> None:
        self.host = urlsplit(site).netloc
        secret = make_api_token(administrator=administrator)[1]
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

    def ask(self, order: dict[str, str]) -> tuple[int, Any]:
        """Send an order, and return the status and body of the answer."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("POST", to("report-jobs"), json.dumps(order), self.headers)
        answer = connection.getresponse()
        body = json.load(answer)
        connection.close()
        return answer.status, body


def orders(accounts: list[Account]) -> list[dict[str, str]]:
    """Return different orders, for every report type in every account."""
    yesterday = timezone.now().date() - timedelta(days=1)
    numbers = [make_subscription(account=account).number for account in accounts]
    return [
        {
            "report_type": report_type.slug,
            "subscription": number,
            "date_from": str(yesterday - timedelta(days=days)),
            "date_through": str(yesterday),
        }
        for days, report_type, number in product(range(RANGES), types.all_types(), numbers)
    ]


def test_different_orders_from_many_threads_give_one_file_each(processes: Processes, settings: Any) -> None:
    accounts = [make_account() for _ in range(ACCOUNTS)]
    wanted = orders(accounts)
    program = Program(processes.web(**UNLIMITED), make_member(*accounts))
    processes.worker("reports")
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(program.ask, wanted))
    assert {status for status, _job in answers} == {202}
    asked = {job["id"] for _status, job in answers}
    assert len(asked) == len(wanted)
    made = ReportJob.objects.filter(state=State.SUCCEEDED)
    wait_for(lambda: made.count() == len(wanted), what="all are made", pause=0.2)
    stored = {path.name for path in (settings.FILES_ROOT / "reports").iterdir()}
    assert stored == {f"{job}.1.csv" for job in asked}
