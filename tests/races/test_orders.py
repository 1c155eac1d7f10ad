"""Reports and comparisons: limits, joining and cancelling, for people and programs at the same moment."""

from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from billing.cycles import DateRange
from billing.models import Administrator, Subscription
from jobs.queue_limits import TooManyJobsError
from jobs.states import State
from reports.comparisons.enqueue import enqueue_comparison
from reports.models import Comparison, ReportJob
from reports.orders.deduplicate import unsubscribe
from reports.orders.enqueue import OrderOutcome, PlacedOrder, ReportOrder, enqueue_report
from tests.addresses import to
from tests.api_clients import ApiClient, program
from tests.concurrency import at_once, while_held
from tests.factories import make_subscription
from tests.people import make_staff, permitted_administrator
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

TODAY = date(2017, 11, 24)
PEOPLE = 4


def order(administrator: Administrator, subscription: Subscription, day: int = 1) -> PlacedOrder:
    """Order a report on one day, the given number of days before today."""
    days = DateRange(TODAY - timedelta(days=day), TODAY - timedelta(days=day))
    wanted = ReportOrder(subscription=subscription, report_type="user-hours", days=days)
    return enqueue_report(wanted, administrator=administrator, today=TODAY)


def finished(subscription: Subscription) -> ReportJob:
    """Return a finished report, whose file is not looked at."""
    file: dict[str, Any] = {"file": f"reports/{uuid4()}.csv", "file_bytes": 1, "file_rows": 1, "file_sha256": "0" * 64}
    return make_job(subscription=subscription, state=State.SUCCEEDED, finished_at=Now(), **file)


def refused(error: type[Exception], work: Any) -> bool:
    """Return whether the work was refused with the error."""
    try:
        work()
    except error:
        return True
    return False


def test_an_administrator_has_no_more_reports_waiting_than_they_may(settings: Any) -> None:
    settings.REPORT_JOBS_WAITING_PER_TOKEN = 2
    subscription = make_subscription()
    ana = permitted_administrator(subscription=subscription)
    orders = [partial(refused, TooManyJobsError, partial(order, ana, subscription, day + 1)) for day in range(PEOPLE)]
    assert sorted(at_once(orders)) == [False, False, True, True]
    assert ReportJob.objects.count() == 2


def test_an_account_has_no_more_comparisons_waiting_than_it_may(settings: Any) -> None:
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 2
    subscription, staff = make_subscription(), make_staff()
    runs = [finished(subscription) for _one in range(PEOPLE + 1)]
    orders = [
        partial(refused, TooManyJobsError, partial(enqueue_comparison, administrator=staff, job=first, other=second))
        for first, second in pairwise(runs)
    ]
    assert sorted(at_once(orders)) == [False, False, True, True]
    assert Comparison.objects.count() == 2


def test_two_runs_are_compared_once() -> None:
    subscription, staff = make_subscription(), make_staff()
    runs = [finished(subscription) for _one in range(2)]
    pairs = [runs, runs[::-1]] * (PEOPLE // 2)
    compared = at_once(
        partial(enqueue_comparison, administrator=staff, job=first, other=second) for first, second in pairs
    )
    assert set(compared) == {Comparison.objects.get()}


def test_an_order_for_what_is_just_being_cancelled_gets_a_report_of_its_own() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _one in range(2))
    job = order(ana, subscription).job
    cancelled, placed = while_held(lambda: unsubscribe(job, administrator=ana), lambda: order(bruno, subscription))
    assert cancelled.result().is_cancelled
    assert placed.result().outcome is OrderOutcome.CREATED
    assert ReportJob.objects.get(pk=placed.result().job.pk).state == State.QUEUED


def test_a_report_that_somebody_is_just_joining_is_not_cancelled() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _one in range(2))
    job = order(ana, subscription).job
    joined, left = while_held(lambda: order(bruno, subscription), lambda: unsubscribe(job, administrator=ana))
    assert (joined.result().outcome, joined.result().job) == (OrderOutcome.JOINED, job)
    assert (left.result().is_cancelled, left.result().still_subscribed) == (False, [bruno])
    assert ReportJob.objects.get().state == State.QUEUED


def test_a_key_stands_for_one_of_several_different_requests() -> None:
    make_subscription(number="SUB-1001")
    secret = program(make_staff()).defaults["HTTP_AUTHORIZATION"].partition(" ")[2]
    yesterday = date.today() - timedelta(days=1)  # noqa: DTZ011 - any day that reports can cover

    def ask(number: int) -> Any:
        day = (yesterday - timedelta(days=number)).isoformat()
        sent = {"report_type": "user-hours", "subscription": "SUB-1001", "date_from": day, "date_through": day}
        return ApiClient(secret).post_json(to("report-jobs"), sent, headers={"Idempotency-Key": "nightly-1"})

    answers = at_once(partial(ask, number) for number in range(PEOPLE))
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * (PEOPLE - 1)
    for answer in answers:
        assert answer.status_code == 202 or answer.json()["type"] == "urn:tallydesk:problem:idempotency-key-reused"
    assert ReportJob.objects.count() == 1


def test_a_file_is_deleted_once() -> None:
    job = finished(make_subscription())
    deletions = [lambda: ReportJob.objects.get(pk=job.pk).expire()] * PEOPLE
    assert sorted(at_once(deletions)) == [False] * (PEOPLE - 1) + [True]
