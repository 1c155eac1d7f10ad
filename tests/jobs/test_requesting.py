"""Ordering a report: the permission it takes, the days it may cover, and brokers that do not respond."""

import socket
import threading
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from celery import Celery
from django.core.exceptions import PermissionDenied

from billing.cycles import DateRange, RangeError
from billing.models import Administrator, Subscription
from jobs.states import State
from reports.models import ReportJob
from reports.orders.enqueue import ReportOrder, enqueue_report, order_again
from tests.factories import make_administrator, make_subscription
from tests.people import permitted_administrator
from tests.processes import free_port
from tests.waiting import guarded

TODAY = date(2017, 11, 24)
DAYS = DateRange(date(2017, 11, 22), date(2017, 11, 23))


def order(administrator: Administrator, subscription: Subscription, days: DateRange = DAYS) -> ReportJob:
    wanted = ReportOrder(subscription=subscription, report_type="user-hours", days=days)
    return enqueue_report(wanted, administrator=administrator, today=TODAY).job


@pytest.fixture
def subscription(db: None) -> Subscription:
    return make_subscription()


@pytest.fixture
def administrator(subscription: Subscription) -> Administrator:
    return permitted_administrator(subscription=subscription)


@pytest.mark.parametrize("codename", ["all_permissions", "add_subscription", "view_subscription"])
def test_any_of_the_three_permissions_allows_reports(subscription: Subscription, codename: str) -> None:
    job = order(permitted_administrator(subscription=subscription, codename=codename), subscription)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.account, job.range) == (State.QUEUED, 0, subscription.account, DAYS)
    assert job.requested_on == TODAY


def test_without_a_permission_there_is_no_report(subscription: Subscription) -> None:
    with pytest.raises(PermissionDenied):
        order(make_administrator(accounts=(subscription.account,)), subscription)
    assert not ReportJob.objects.exists()


def test_reports_of_another_account_are_refused_whatever_the_permissions(subscription: Subscription) -> None:
    with pytest.raises(PermissionDenied):
        order(permitted_administrator(subscription=make_subscription(), codename="all_permissions"), subscription)
    assert not ReportJob.objects.exists()


def test_a_range_outside_the_window_is_refused_with_the_window(
    administrator: Administrator, subscription: Subscription
) -> None:
    with pytest.raises(RangeError, match="2017-10-21 through 2017-11-23"):
        order(administrator, subscription, DateRange(date(2017, 11, 22), TODAY))


def test_the_same_order_on_another_day_gets_a_new_job(administrator: Administrator, subscription: Subscription) -> None:
    first = order(administrator, subscription)
    again = order_again(first, administrator=administrator, today=TODAY + timedelta(days=1)).job
    assert again.pk != first.pk
    assert (again.report_type, again.range, again.subscription) == ("user-hours", DAYS, subscription)
    assert again.requested_on == TODAY + timedelta(days=1)


@pytest.fixture
def frozen_broker() -> Iterator[str]:
    """A broker that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted = []
        threading.Thread(target=lambda: accepted.append(server.accept()), daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def absent_broker() -> str:
    """The URL of a broker at a port without a listener."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("broker", ["frozen_broker", "absent_broker"])
def test_a_broker_that_does_not_respond_delays_the_report_but_not_the_order(
    broker: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = make_subscription()
    administrator = permitted_administrator(subscription=subscription)
    with Celery("another", broker=request.getfixturevalue(broker), set_as_current=False) as celery:
        celery.config_from_object("django.conf:settings", namespace="CELERY")
        celery.conf.update(broker_url=request.getfixturevalue(broker))
        monkeypatch.setattr("jobs.publishing.current_app", celery)
        with guarded("the order is placed without the broker"):
            job = order(administrator, subscription)
    job.refresh_from_db()
    assert (job.state, job.published_at) == (State.QUEUED, None)
    assert ReportJob.objects.take_unpublished() == [job]
    job.refresh_from_db()
    assert job.published_at is not None
    assert ReportJob.objects.take_unpublished() == []
