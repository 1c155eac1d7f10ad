"""No work twice: joining what is under way, withdrawing from it, and being offered what has not changed."""

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
from billing.models import Administrator, DataVersion, Subscription
from jobs.claims import Claim
from jobs.states import State
from reports import tasks
from reports.models import ReportJob, ReportRequest
from reports.orders import deduplicate
from reports.orders.deduplicate import withdraw
from reports.orders.enqueue import Requested, request_again, request_report
from tests.factories import instant, make_api_token, make_entity, make_session, make_subscription
from tests.jobs.writing import once_written
from tests.people import permitted_administrator
from tests.report_jobs import expire_lease, make_job, with_file

pytestmark = pytest.mark.django_db

TODAY = date(2017, 11, 24)
DAYS = DateRange(date(2017, 11, 22), date(2017, 11, 23))


@pytest.fixture
def subscription(db: None) -> Subscription:
    return make_subscription()


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return permitted_administrator(subscription=subscription)


@pytest.fixture
def bruno(subscription: Subscription) -> Administrator:
    return permitted_administrator(subscription=subscription)


def ask(administrator: Administrator, subscription: Subscription, **changes: Any) -> Requested:
    return request_report(
        administrator=administrator,
        subscription=subscription,
        **{"report_type": "user-hours", "days": DAYS, "today": TODAY, **changes},
    )


def change_data(subscription: Subscription) -> None:
    DataVersion.objects.bump(subscription.account_id)


def begin(job: ReportJob, *, data_version: str | None = None) -> ReportJob:
    """The job, claimed by a worker that has written down of which version the data were."""
    claimed = ReportJob.objects.claim(job.pk)
    assert claimed is not None
    version = DataVersion.objects.of([job.account_id]) if data_version is None else data_version
    Claim.of(claimed).record(data_version=version)
    return claimed


def state_of(job: ReportJob) -> str:
    return ReportJob.objects.values_list("state", flat=True).get(pk=job.pk)


def waiting(job: ReportJob) -> set[Administrator]:
    return set(deduplicate.who_wait(job))


# --- Joining ----------------------------------------------------------------------------------------------------------


def test_the_same_request_joins_the_job_that_is_queued_for_any_administrator(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    first, second, third = ask(ana, subscription), ask(bruno, subscription), ask(ana, subscription)
    assert [requested.joined for requested in (first, second, third)] == [False, True, True]
    assert first.job == second.job == third.job == ReportJob.objects.get()
    assert third.job.requested_by == ana
    assert waiting(first.job) == {ana, bruno}
    assert ReportRequest.objects.count() == 2


def test_each_token_of_an_administrator_has_a_request_of_its_own(
    ana: Administrator, subscription: Subscription
) -> None:
    tokens = [make_api_token(administrator=ana)[0] for _ in range(2)]
    for token in (None, *tokens, None, tokens[0]):
        job = ask(ana, subscription, token=token).job
    assert set(job.requests.values_list("token", flat=True)) == {None, tokens[0].pk, tokens[1].pk}
    assert deduplicate.who_wait(job) == [ana]


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
def test_whatever_differs_is_a_job_of_its_own(
    ana: Administrator, subscription: Subscription, changes: dict[str, Any]
) -> None:
    assert ask(ana, subscription).job != ask(ana, subscription, **changes).job


def test_totals_make_a_difference_where_the_format_has_a_place_for_them(
    ana: Administrator, subscription: Subscription
) -> None:
    assert ask(ana, subscription, totals_sheet=True).job == ask(ana, subscription).job
    with_totals = ask(ana, subscription, format="xlsx", totals_sheet=True).job
    assert with_totals.totals_sheet
    assert with_totals != ask(ana, subscription, format="xlsx").job


def test_another_accounts_request_never_joins(ana: Administrator, subscription: Subscription) -> None:
    others = make_subscription(number=f"{subscription.number}-2")
    stranger = permitted_administrator(subscription=others)
    mine, theirs = ask(ana, subscription), ask(stranger, others)
    assert not theirs.joined
    assert (waiting(mine.job), waiting(theirs.job)) == ({ana}, {stranger})


def test_a_finished_job_is_not_joined(ana: Administrator, subscription: Subscription) -> None:
    first = ask(ana, subscription).job
    first.cancel()
    assert not ask(ana, subscription).joined


def test_a_running_job_is_joined_as_long_as_nothing_has_changed_since_it_began(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    change_data(subscription)
    job = begin(ask(ana, subscription).job)
    assert ask(bruno, subscription).job == job
    change_data(make_subscription())  # another account's
    assert ask(bruno, subscription).joined
    change_data(subscription)
    later = ask(bruno, subscription)
    assert (later.joined, later.job == job) == (False, False)
    assert ask(ana, subscription).job == later.job  # of the two, the one that will show what has changed


def test_a_change_of_what_all_accounts_share_is_a_change(ana: Administrator, subscription: Subscription) -> None:
    job = begin(ask(ana, subscription).job)
    DataVersion.objects.bump(None)
    assert ask(ana, subscription).job != job


def test_an_attempt_that_has_not_said_yet_which_data_it_sees_is_not_joined(
    ana: Administrator, subscription: Subscription
) -> None:
    change_data(subscription)
    job = ask(ana, subscription).job
    ReportJob.objects.claim(job.pk)
    assert not ask(ana, subscription).joined


def test_a_job_that_is_queued_again_is_joined_whatever_its_last_attempt_saw(
    ana: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    Claim.of(job).release()
    change_data(subscription)
    assert ask(ana, subscription).job == job


def test_the_second_attempt_is_not_joined_for_what_the_first_saw_before_a_change(
    ana: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    change_data(subscription)
    expire_lease(job)
    assert ReportJob.objects.claim(job.pk) is not None
    assert not ask(ana, subscription).joined


def test_joining_sends_no_message(
    ana: Administrator, subscription: Subscription, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        ask(ana, subscription)
        ask(ana, subscription)
    assert len(callbacks) == 1


def test_make_again_joins_what_is_under_way(ana: Administrator, subscription: Subscription) -> None:
    gone = make_job(
        subscription=subscription,
        state=State.CANCELLED,
        finished_at=Now(),
        date_from=DAYS.date_from,
        date_through=DAYS.date_through,
    )
    first = request_again(gone, administrator=ana, today=TODAY)
    second = request_again(gone, administrator=ana, today=TODAY)
    assert (first.joined, second.joined) == (False, True)
    assert first.job == second.job


# --- Withdrawing ------------------------------------------------------------------------------------------------------


def test_cancelling_withdraws_ones_own_request_and_the_last_ends_the_job(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    withdrawal = withdraw(job, administrator=ana)
    assert (withdrawal.is_cancelled, withdrawal.still_waiting) == (False, [bruno])
    assert job.state == State.QUEUED
    assert withdraw(job, administrator=bruno).is_cancelled
    assert job.state == State.CANCELLED


def test_withdrawing_twice_changes_nothing_the_second_time(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    for _ in range(2):
        assert withdraw(job, administrator=bruno).still_waiting == [ana]
    assert state_of(job) == State.QUEUED


def test_who_withdrew_may_join_again(ana: Administrator, bruno: Administrator, subscription: Subscription) -> None:
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    withdraw(job, administrator=ana)
    assert ask(ana, subscription).job == job
    assert withdraw(job, administrator=bruno).still_waiting == [ana]


def test_a_token_withdraws_its_own_and_a_person_all_of_theirs(ana: Administrator, subscription: Subscription) -> None:
    tokens = [make_api_token(administrator=ana)[0] for _ in range(2)]
    job = ask(ana, subscription, token=tokens[0]).job
    ask(ana, subscription, token=tokens[1])
    assert withdraw(job, administrator=ana, token=tokens[0]).still_waiting == [ana]
    ask(ana, subscription, token=tokens[0])
    assert withdraw(job, administrator=ana).is_cancelled


def test_a_token_that_did_not_ask_withdraws_what_its_administrator_asked_for(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    token, _secret = make_api_token(administrator=ana)
    job = ask(ana, subscription).job
    ask(bruno, subscription)
    assert withdraw(job, administrator=ana, token=token).still_waiting == [bruno]
    assert withdraw(job, administrator=ana, token=token).still_waiting == [bruno]
    assert withdraw(job, administrator=bruno).is_cancelled


def test_who_never_asked_ends_it_for_everybody(
    ana: Administrator, bruno: Administrator, subscription: Subscription
) -> None:
    job = begin(ask(ana, subscription).job)
    ask(bruno, subscription)
    colleague = permitted_administrator(subscription=subscription)
    assert withdraw(job, administrator=colleague).is_cancelled
    assert state_of(job) == State.CANCELLED


def test_it_is_too_late_to_withdraw_from_what_is_finished(ana: Administrator, subscription: Subscription) -> None:
    job = ask(ana, subscription).job
    ReportJob.objects.update(state=State.FAILED, finished_at=Now())
    assert withdraw(job, administrator=ana) == deduplicate.Withdrawal()
    assert job.state == State.FAILED
    assert waiting(job) == {ana}


# --- Unchanged --------------------------------------------------------------------------------------------------------


def make(requested: Requested) -> ReportJob:
    """The job, as a worker leaves it."""
    tasks.generate_report(str(requested.job.pk))
    job = requested.job
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED
    return job


@pytest.fixture
def made(ana: Administrator, subscription: Subscription, settings: Any, files_root: Path) -> ReportJob:
    """A finished report of the data as they are, recorded as a worker records it."""
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


def test_a_finished_report_is_offered_while_nothing_has_changed(
    bruno: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    offered = ask(bruno, subscription)
    assert (offered.job, offered.unchanged, offered.joined) == (made, True, False)
    assert ReportJob.objects.count() == 1
    assert not ReportRequest.objects.exists()


def test_make_again_makes_it_again(ana: Administrator, subscription: Subscription, made: ReportJob) -> None:
    assert request_again(made, administrator=ana, today=TODAY).job != made
    assert ask(ana, subscription).joined  # what is under way goes before what was made


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
def test_what_would_come_out_otherwise_is_made_anew(
    ana: Administrator, subscription: Subscription, made: ReportJob, change: Callable[[ReportJob], object]
) -> None:
    change(made)
    assert not ask(ana, subscription).unchanged


def test_after_the_end_of_the_subscription_a_report_of_another_day_is_offered(
    ana: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    ReportJob.objects.update(requested_on=TODAY - timedelta(days=1))
    Subscription.objects.update(ended_on=date(2017, 11, 23))
    subscription.refresh_from_db()
    assert not ask(ana, subscription).unchanged  # the 23rd was not over when it was made
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
    assert not ask(stranger, others).unchanged


# --- Made by workers, and at the same time ----------------------------------------------------------------------------


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What they return, all of them begun at the same moment, each in a thread of its own."""
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
def test_of_many_at_once_one_makes_the_job_and_the_others_join_it() -> None:
    subscription = make_subscription()
    people = [permitted_administrator(subscription=subscription) for _ in range(8)]
    answers = at_once(*(partial(ask, person, subscription) for person in people))
    job = ReportJob.objects.get()
    assert {answer.job for answer in answers} == {job}
    assert sorted(answer.joined for answer in answers) == [False] + [True] * 7
    assert waiting(job) == set(people)


@pytest.mark.django_db(transaction=True)
def test_who_joins_while_another_cancels_has_a_job_that_goes_on() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    for _ in range(10):
        job = ask(ana, subscription).job
        joined, withdrawal = at_once(partial(ask, bruno, subscription), partial(withdraw, job, administrator=ana))
        assert state_of(joined.job) == State.QUEUED
        assert waiting(joined.job) == {bruno}
        assert withdrawal.is_cancelled == (joined.job != job)
        assert state_of(job) == (State.CANCELLED if withdrawal.is_cancelled else State.QUEUED)
        assert withdraw(joined.job, administrator=bruno).is_cancelled


@pytest.mark.django_db(transaction=True)
def test_of_the_last_two_who_withdraw_at_once_one_ends_the_job() -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    for _ in range(5):
        job = ask(ana, subscription).job
        ask(bruno, subscription)
        answers = at_once(*(partial(withdraw, job, administrator=who) for who in (ana, bruno)))
        assert sorted(answer.is_cancelled for answer in answers) == [False, True]
        assert state_of(job) == State.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_a_report_is_offered_until_the_data_change_and_joined_while_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscription = make_subscription()
    ana = permitted_administrator(subscription=subscription)
    user = make_entity(account=subscription.account)
    change_data(subscription)
    meanwhile: list[Requested] = []

    def ask_and_change_the_data() -> None:
        meanwhile.append(ask(ana, subscription))
        change_data(subscription)
        make_session(entity=user, started_at=instant("2017-11-22T09:00"), ended_at=instant("2017-11-22T10:00"))
        meanwhile.append(ask(ana, subscription))

    once_written(monkeypatch, "csv", ask_and_change_the_data)
    first = make(ask(ana, subscription))
    monkeypatch.undo()
    assert [requested.job == first for requested in meanwhile] == [True, False]
    assert first.data_version != DataVersion.objects.of([subscription.account_id])
    second = make(meanwhile[1])
    assert (first.file_rows, second.file_rows) == (0, 1)
    assert (ask(ana, subscription).job, ask(ana, subscription).unchanged) == (second, True)


@pytest.mark.django_db(transaction=True)
def test_a_report_goes_on_for_who_may_have_it_when_the_first_may_not_any_more(files_root: Path) -> None:
    subscription = make_subscription()
    ana, bruno = (permitted_administrator(subscription=subscription) for _ in range(2))
    requested = ask(ana, subscription)
    ask(bruno, subscription)
    ana.user_permissions.clear()
    make(requested)
    other = ask(bruno, subscription, report_type="voice-usage")
    ask(permitted_administrator(subscription=subscription), subscription, report_type="voice-usage")
    for administrator in deduplicate.who_wait(other.job):
        administrator.user_permissions.clear()
    tasks.generate_report(str(other.job.pk))
    other.job.refresh_from_db()
    assert "may not have it any more" in other.job.failure
    assert not ReportJob.objects.filter(state=State.RUNNING).exists()
