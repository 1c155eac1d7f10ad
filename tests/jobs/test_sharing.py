"""No work twice: joining an unfinished job, unsubscribing from it, and being offered a file that is up to date."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models.functions import Now

from billing.cycles import Contract, DateRange
from billing.models import Administrator, ApiToken, DataVersion, Subscription
from jobs.claims import Claim
from jobs.states import State
from reports import tasks
from reports.models import JobSubscriber, ReportJob
from reports.orders import deduplicate
from reports.orders.deduplicate import unsubscribe
from reports.orders.enqueue import OrderOutcome, PlacedOrder, ReportOrder, enqueue_report, order_again
from tests.factories import instant, make_api_token, make_entity, make_session, make_subscription
from tests.jobs.writing import once_written
from tests.people import permitted_administrator
from tests.report_jobs import expire_lease, make_job, with_file

pytestmark = pytest.mark.django_db

TODAY = date(2017, 11, 24)
DAYS = DateRange(date(2017, 11, 22), date(2017, 11, 23))
CREATED, JOINED, UNCHANGED = OrderOutcome


@pytest.fixture
def subscription(db: None) -> Subscription:
    return make_subscription()


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return permitted_administrator(subscription=subscription)


@pytest.fixture
def bruno(subscription: Subscription) -> Administrator:
    return permitted_administrator(subscription=subscription)


def ask(
    administrator: Administrator,
    subscription: Subscription,
    *,
    today: date = TODAY,
    token: ApiToken | None = None,
    **changes: Any,
) -> PlacedOrder:
    order = ReportOrder(subscription=subscription, **{"report_type": "user-hours", "days": DAYS, **changes})
    return enqueue_report(order, administrator=administrator, token=token, today=today)


def change_data(subscription: Subscription) -> None:
    DataVersion.objects.bump(subscription.account_id)


def begin(job: ReportJob, *, data_version: str | None = None) -> ReportJob:
    """Return the job after a worker has claimed it and recorded the version of the data."""
    claimed = ReportJob.objects.claim(job.pk)
    assert claimed is not None
    version = DataVersion.objects.of([job.account_id]) if data_version is None else data_version
    Claim.of(claimed).record(data_version=version)
    return claimed


def state_of(job: ReportJob) -> str:
    return ReportJob.objects.values_list("state", flat=True).get(pk=job.pk)


def subscribers(job: ReportJob) -> set[Administrator]:
    return set(deduplicate.subscribers_of(job))


# --- Joining ----------------------------------------------------------------------------------------------------------


def test_the_same_request_joins_the_job_that_is_queued_for_any_administrator(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    first, second, third = ask(ana, subscription), ask(bruno, subscription), ask(ana, subscription)
    assert [placed.outcome for placed in (first, second, third)] == [CREATED, JOINED, JOINED]
    assert first.job == second.job == third.job == ReportJob.objects.get()
    assert third.job.requested_by == ana
    assert subscribers(first.job) == {ana, bruno}
    assert JobSubscriber.objects.count() == 2


def test_each_token_of_an_administrator_has_a_subscription_of_its_own(
    ana: Administrator, subscription: Subscription
) -> None:
    tokens = [make_api_token(administrator=ana)[0] for _ in range(2)]
    for token in (None, *tokens, None, tokens[0]):
        job = ask(ana, subscription, token=token).job
    assert set(job.subscribers.values_list("token", flat=True)) == {None, tokens[0].pk, tokens[1].pk}
    assert deduplicate.subscribers_of(job) == [ana]


@pytest.mark.parametrize(
    "changes",
    [
        {"report_type": "voice-usage"},
        {"format": "xlsx"},
        {"days": DateRange(DAYS.date_from, DAYS.date_from)},
        {"days": DateRange(DAYS.date_through, DAYS.date_through)},
        {"today": TODAY + timedelta(days=1)},
    ],
)
def test_an_order_that_differs_gets_a_job_of_its_own(
    ana: Administrator, subscription: Subscription, changes: dict[str, Any]
) -> None:
    assert ask(ana, subscription).job != ask(ana, subscription, **changes).job


def test_totals_make_a_difference_only_in_formats_that_can_hold_them(
    ana: Administrator, subscription: Subscription
) -> None:
    assert ask(ana, subscription, totals_sheet=True).job == ask(ana, subscription).job
    with_totals = ask(ana, subscription, format="xlsx", totals_sheet=True).job
    assert with_totals.totals_sheet
    assert with_totals != ask(ana, subscription, format="xlsx").job


def test_another_accounts_order_never_joins(ana: Administrator, subscription: Subscription) -> None:
    others = make_subscription(number=f"{subscription.number}-2")
    stranger = permitted_administrator(subscription=others)
    mine, theirs = ask(ana, subscription), ask(stranger, others)
    assert theirs.outcome is CREATED
    assert (subscribers(mine.job), subscribers(theirs.job)) == ({ana}, {stranger})


def test_a_finished_job_is_not_joined(ana: Administrator, subscription: Subscription) -> None:
    first = ask(ana, subscription).job
    first.cancel()
    assert ask(ana, subscription).outcome is CREATED


def test_a_running_job_is_joined_as_long_as_no_data_has_changed_since_it_began(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    change_data(subscription)
    job = begin(ask(ana, subscription).job)
    assert ask(bruno, subscription).job == job
    change_data(make_subscription())  # another account's
    assert ask(bruno, subscription).outcome is JOINED
    change_data(subscription)
    later = ask(bruno, subscription)
    assert (later.outcome, later.job == job) == (CREATED, False)
    assert ask(ana, subscription).job == later.job  # Of the two jobs, the one that will show the change.


def test_a_change_of_shared_data_counts_as_a_change(ana: Administrator, subscription: Subscription) -> None:
    job = begin(ask(ana, subscription).job)
    DataVersion.objects.bump(None)
    assert ask(ana, subscription).job != job


def test_an_attempt_that_has_not_recorded_its_data_version_is_not_joined(
    ana: Administrator, subscription: Subscription
) -> None:
    change_data(subscription)
    job = ask(ana, subscription).job
    ReportJob.objects.claim(job.pk)
    assert ask(ana, subscription).outcome is CREATED


def test_a_job_that_is_queued_again_is_joined_whatever_version_its_last_attempt_recorded(
    ana: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    Claim.of(job).release()
    change_data(subscription)
    assert ask(ana, subscription).job == job


def test_the_second_attempt_is_not_joined_for_the_version_that_the_first_recorded(
    ana: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    change_data(subscription)
    expire_lease(job)
    assert ReportJob.objects.claim(job.pk) is not None
    assert ask(ana, subscription).outcome is CREATED


def test_joining_sends_no_message(
    ana: Administrator, subscription: Subscription, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        ask(ana, subscription)
        ask(ana, subscription)
    assert len(callbacks) == 1


def test_ordering_again_joins_an_unfinished_job(ana: Administrator, subscription: Subscription) -> None:
    gone = make_job(
        subscription=subscription,
        state=State.CANCELLED,
        finished_at=Now(),
        date_from=DAYS.date_from,
        date_through=DAYS.date_through,
    )
    first = order_again(gone, administrator=ana, today=TODAY)
    second = order_again(gone, administrator=ana, today=TODAY)
    assert (first.outcome, second.outcome) == (CREATED, JOINED)
    assert first.job == second.job


# --- Unsubscribing ----------------------------------------------------------------------------------------------------


def test_unsubscribing_cancels_the_job_only_when_no_subscribers_remain(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    result = unsubscribe(job, administrator=ana)
    assert (result.is_cancelled, result.still_subscribed) == (False, [bruno])
    assert job.state == State.QUEUED
    assert unsubscribe(job, administrator=bruno).is_cancelled
    assert job.state == State.CANCELLED


def test_unsubscribing_again_has_no_effect(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    for _ in range(2):
        assert unsubscribe(job, administrator=bruno).still_subscribed == [ana]
    assert state_of(job) == State.QUEUED


def test_an_administrator_may_subscribe_again(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    unsubscribe(job, administrator=ana)
    assert ask(ana, subscription).job == job
    assert unsubscribe(job, administrator=bruno).still_subscribed == [ana]


def test_a_token_ends_its_own_subscription_and_a_person_all_of_theirs(
    ana: Administrator, subscription: Subscription
) -> None:
    tokens = [make_api_token(administrator=ana)[0] for _ in range(2)]
    job = ask(ana, subscription, token=tokens[0]).job
    ask(ana, subscription, token=tokens[1])
    assert unsubscribe(job, administrator=ana, token=tokens[0]).still_subscribed == [ana]
    ask(ana, subscription, token=tokens[0])
    assert unsubscribe(job, administrator=ana).is_cancelled


def test_a_token_without_a_subscription_ends_those_of_its_administrator(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    token, _secret = make_api_token(administrator=ana)
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    assert unsubscribe(job, administrator=ana, token=token).still_subscribed == [bruno]
    assert unsubscribe(job, administrator=ana, token=token).still_subscribed == [bruno]
    assert unsubscribe(job, administrator=bruno).is_cancelled


def test_an_administrator_who_never_subscribed_cancels_the_job_for_everyone(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    ask(bruno, subscription)
    colleague = permitted_administrator(subscription=subscription)
    assert unsubscribe(job, administrator=colleague).is_cancelled
    assert state_of(job) == State.CANCELLED


def test_unsubscribing_from_a_finished_job_changes_nothing(ana: Administrator, subscription: Subscription) -> None:
    job = ask(ana, subscription).job
    ReportJob.objects.update(state=State.FAILED, finished_at=Now())
    assert unsubscribe(job, administrator=ana) == deduplicate.Unsubscribed()
    assert job.state == State.FAILED
    assert subscribers(job) == {ana}


# --- Unchanged --------------------------------------------------------------------------------------------------------


def make(placed: PlacedOrder) -> ReportJob:
    """Return the job after a worker has run it."""
    tasks.generate_report(str(placed.job.pk))
    job = placed.job
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED
    return job


@pytest.fixture
def made(ana: Administrator, subscription: Subscription, settings: Any, files_root: Path) -> ReportJob:
    """A finished report of the current data, recorded as a worker records it."""
    change_data(subscription)
    job = make_job(
        subscription=subscription,
        requested_by=ana,
        state=State.SUCCEEDED,
        finished_at=Now(),
        file="reports/x.csv",
        file_bytes=1,
        file_rows=1,
        file_sha256="0" * 64,
        file_as_of=instant("2017-11-24T08:00"),
        date_from=DAYS.date_from,
        date_through=DAYS.date_through,
        software_version=settings.VERSION,
        data_version=DataVersion.objects.of([subscription.account_id]),
    )
    return with_file(job, folder=files_root)


def test_a_finished_report_is_offered_while_no_data_has_changed(
    bruno: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    offered = ask(bruno, subscription)
    assert offered == PlacedOrder(made, UNCHANGED)
    assert ReportJob.objects.count() == 1
    assert not JobSubscriber.objects.exists()


def test_ordering_again_creates_a_job_although_no_data_has_changed(
    ana: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    assert order_again(made, administrator=ana, today=TODAY).job != made
    assert ask(ana, subscription).outcome is JOINED  # An unfinished job takes precedence over a finished one.


@pytest.mark.parametrize(
    "change",
    [
        lambda job: DataVersion.objects.bump(job.account_id),
        lambda job: DataVersion.objects.bump(None),
        lambda job: ReportJob.objects.update(software_version="0.0.1"),
        lambda job: ReportJob.objects.update(file=""),
        lambda job: default_storage.delete(job.file.name),
        lambda job: ReportJob.objects.update(file_bytes=2),
        lambda job: ReportJob.objects.update(format="xlsx"),
        lambda job: ReportJob.objects.update(totals_sheet=True),
        lambda job: ReportJob.objects.update(report_type="voice-usage"),
        lambda job: ReportJob.objects.update(date_from=date(2017, 11, 21)),
        lambda job: ReportJob.objects.update(requested_on=TODAY - timedelta(days=1)),
        lambda job: ReportJob.objects.update(state=State.FAILED),
    ],
    ids=[
        "data",
        "shared data",
        "software",
        "expired",
        "lost",
        "damaged",
        "format",
        "totals",
        "type",
        "range",
        "day",
        "state",
    ],
)
def test_a_report_that_would_differ_is_not_offered(
    ana: Administrator, subscription: Subscription, made: ReportJob, change: Callable[[ReportJob], object]
) -> None:
    change(made)
    assert ask(ana, subscription).outcome is CREATED


def test_after_the_end_of_the_subscription_a_report_of_another_day_is_offered(
    ana: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    ReportJob.objects.update(requested_on=TODAY - timedelta(days=1))
    Subscription.objects.update(ended_on=date(2017, 11, 23))
    subscription.refresh_from_db()
    assert ask(ana, subscription).outcome is CREATED  # The 23rd was not over when the report was made.
    ReportJob.objects.filter(state=State.QUEUED).delete()
    ReportJob.objects.update(requested_on=TODAY)
    assert ask(ana, subscription, today=TODAY + timedelta(days=100)).job == made


def test_open_sessions_are_cut_alike_once_the_last_day_is_over() -> None:
    open_ended, ended = Contract(date(2017, 10, 21)), Contract(date(2017, 10, 21), ended_on=date(2017, 11, 23))
    assert not open_ended.cuts_open_sessions_alike(TODAY, TODAY + timedelta(days=1))
    assert ended.cuts_open_sessions_alike(TODAY, TODAY + timedelta(days=1))
    assert not ended.cuts_open_sessions_alike(TODAY - timedelta(days=1), TODAY)


def test_another_accounts_report_is_never_offered(made: ReportJob) -> None:
    others = make_subscription()
    stranger = permitted_administrator(subscription=others)
    assert ask(stranger, others).outcome is CREATED


# --- Workers and concurrent orders ------------------------------------------------------------------------------------


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Call the functions at the same moment, each in a thread of its own, and return their results."""
    start = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            start.wait()
            answers[number] = act()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_many_concurrent_orders_one_creates_the_job_and_the_others_join_it() -> None:
    subscription = make_subscription()
    people = [permitted_administrator(subscription=subscription) for _ in range(8)]
    answers = at_once(*(partial(ask, person, subscription) for person in people))
    job = ReportJob.objects.get()
    assert {answer.job for answer in answers} == {job}
    assert sorted(answer.outcome for answer in answers) == [CREATED] + [JOINED] * 7
    assert subscribers(job) == set(people)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_joining_while_another_subscriber_cancels_gives_a_job_that_goes_on() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    for _ in range(10):
        job = ask(ana, subscription).job
        joined, result = at_once(partial(ask, bruno, subscription), partial(unsubscribe, job, administrator=ana))
        assert state_of(joined.job) == State.QUEUED
        assert subscribers(joined.job) == {bruno}
        assert result.is_cancelled == (joined.job != job)
        assert state_of(job) == (State.CANCELLED if result.is_cancelled else State.QUEUED)
        assert unsubscribe(joined.job, administrator=bruno).is_cancelled


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_when_the_last_two_subscribers_unsubscribe_at_once_one_of_them_cancels_the_job() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    for _ in range(5):
        job = ask(ana, subscription).job
        ask(bruno, subscription)
        answers = at_once(*(partial(unsubscribe, job, administrator=person) for person in (ana, bruno)))
        assert sorted(answer.is_cancelled for answer in answers) == [False, True]
        assert state_of(job) == State.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_a_report_is_joined_while_it_runs_and_offered_until_the_data_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscription = make_subscription()
    ana = permitted_administrator(subscription=subscription)
    user = make_entity(account=subscription.account)
    change_data(subscription)
    meanwhile: list[PlacedOrder] = []

    def ask_and_change_the_data() -> None:
        meanwhile.append(ask(ana, subscription))
        change_data(subscription)
        make_session(entity=user, started_at=instant("2017-11-22T09:00"), ended_at=instant("2017-11-22T10:00"))
        meanwhile.append(ask(ana, subscription))

    once_written(monkeypatch, "csv", ask_and_change_the_data)
    first = make(ask(ana, subscription))
    monkeypatch.undo()
    assert [placed.job == first for placed in meanwhile] == [True, False]
    assert first.data_version != DataVersion.objects.of([subscription.account_id])
    second = make(meanwhile[1])
    assert (first.file_rows, second.file_rows) == (0, 1)
    assert ask(ana, subscription) == PlacedOrder(second, UNCHANGED)


@pytest.mark.django_db(transaction=True)
def test_a_report_goes_on_for_a_permitted_subscriber_when_the_first_one_loses_access(files_root: Path) -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    placed = ask(ana, subscription)
    ask(bruno, subscription)
    ana.user_permissions.clear()
    make(placed)
    other = ask(bruno, subscription, report_type="voice-usage")
    ask(permitted_administrator(subscription=subscription), subscription, report_type="voice-usage")
    for administrator in deduplicate.subscribers_of(other.job):
        administrator.user_permissions.clear()
    tasks.generate_report(str(other.job.pk))
    other.job.refresh_from_db()
    assert "no longer have access" in other.job.failure
    assert not ReportJob.objects.filter(state=State.RUNNING).exists()
