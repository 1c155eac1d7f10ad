"""Running comparisons: counts and files, refusals, failures, cancelling and expiry."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from billing.models import Membership, Subscription
from jobs.queue_limits import TooManyJobsError
from jobs.states import State
from reports import tasks
from reports.comparisons import run
from reports.comparisons.diff import ReportDiff
from reports.comparisons.enqueue import NotComparableError, enqueue_comparison
from reports.models import Comparison, ReportJob
from tests.comparisons import change_late, finished_long_ago, made, make_comparison, make_run, make_usage
from tests.factories import make_subscription
from tests.jobs.writing import elsewhere
from tests.people import permitted_administrator
from tests.report_jobs import make_job
from tests.waiting import FOREVER_SECONDS, guarded, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = b"""Change,Changed columns,Date,Resource,Quantity,Unit
changed: before,Quantity,2017-11-20,'=SMS,12,message
changed: after,Quantity,2017-11-20,'=SMS,12.5,message
removed,,2017-11-21,'=SMS,12,message
added,,2017-11-22,'=SMS,7,message
"""


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription()


def two_runs(subscription: Subscription, formats: tuple[str, str] = ("csv", "csv")) -> tuple[ReportJob, ReportJob]:
    """Return a run before late data and one after."""
    usage = make_usage(subscription)
    before = make_run(subscription=subscription, format=formats[0])
    change_late(usage)
    return before, make_run(subscription=subscription, format=formats[1])


@pytest.mark.parametrize("formats", [("csv", "parquet"), ("xlsx", "csv"), ("jsonl", "csv.gz")])
def test_changes_by_late_data_are_counted_and_listed_whatever_the_formats(
    formats: tuple[str, str], subscription: Subscription, files_root: Path
) -> None:
    before, after = two_runs(subscription, formats)

    comparison = made(make_comparison(before, after))

    assert (comparison.state, comparison.failure) == (State.SUCCEEDED, "")
    assert (comparison.before, comparison.after) == (before, after)
    assert (comparison.rows_added, comparison.rows_removed, comparison.rows_changed) == (1, 1, 1)
    assert (comparison.rows_unchanged, comparison.file_rows) == (1, 4)
    path = files_root / "comparisons" / f"{comparison.pk}.1.csv"
    assert path.read_bytes() == CHANGES
    assert list(path.parent.iterdir()) == [path]
    assert (comparison.file_bytes, comparison.file_sha256) == (len(CHANGES), hashlib.sha256(CHANGES).hexdigest())
    assert (comparison.phase, comparison.rows_done, comparison.rows_expected) == ("writing", 4, 4)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname IN ('before', 'after')")
        assert cursor.fetchone() == (0,)


def test_the_earlier_data_come_first_and_a_pair_has_one_comparison(subscription: Subscription) -> None:
    before, after = two_runs(subscription)
    ana = permitted_administrator(subscription=subscription)

    comparison = enqueue_comparison(administrator=ana, job=before, other=after)

    assert (comparison.before, comparison.after) == (before, after)
    assert enqueue_comparison(administrator=ana, job=after, other=before) == comparison
    made(comparison)
    assert enqueue_comparison(administrator=ana, job=after, other=before) == comparison
    with transaction.atomic():
        comparison.expire()
    assert enqueue_comparison(administrator=ana, job=after, other=before) != comparison


def test_a_comparison_whose_file_is_lost_is_made_again(subscription: Subscription, files_root: Path) -> None:
    before, after = two_runs(subscription)
    ana = permitted_administrator(subscription=subscription)
    lost = made(enqueue_comparison(administrator=ana, job=before, other=after))
    (files_root / str(lost.file.name)).write_bytes(CHANGES[:-1])

    again = enqueue_comparison(administrator=ana, job=before, other=after)

    assert again != lost
    assert enqueue_comparison(administrator=ana, job=before, other=after) == again


def test_a_report_that_is_no_run_of_the_same_report_or_not_visible_is_refused(subscription: Subscription) -> None:
    _usage = make_usage(subscription)
    job = make_run(subscription=subscription)
    ana = job.requested_by
    shorter = make_run(subscription=subscription, date_through=job.date_from)
    others = [
        job,
        shorter,
        make_run(subscription=subscription, report_type="user-hours"),
        make_run(subscription=make_subscription()),
        make_job(subscription=subscription, date_from=job.date_from, date_through=job.date_through),
    ]
    for other in others:
        with pytest.raises(NotComparableError):
            enqueue_comparison(administrator=ana, job=job, other=other)
    with pytest.raises(PermissionDenied):
        enqueue_comparison(administrator=others[3].requested_by, job=job, other=make_run(subscription=subscription))


def test_a_full_queue_refuses_comparisons(subscription: Subscription, settings: Any) -> None:
    before, after = two_runs(subscription)
    third = make_run(subscription=subscription)
    settings.REPORT_JOBS_WAITING_PER_ACCOUNT = 1
    make_comparison(before, after)

    with pytest.raises(TooManyJobsError, match="limit: 1"):
        make_comparison(before, third)


def test_no_comparison_is_with_a_report_of_another_account(subscription: Subscription) -> None:
    before, _after = two_runs(subscription)
    foreign = make_run(subscription=make_subscription())
    with pytest.raises(IntegrityError), transaction.atomic():
        Comparison.objects.create(
            requested_by=before.requested_by,
            account=subscription.account,
            subscription=subscription,
            report_type=before.report_type,
            before=before,
            after=foreign,
        )


@pytest.mark.parametrize("loss", ["file", "end of the file", "membership", "columns"])
def test_runs_that_can_no_longer_be_compared_fail_with_a_sentence(
    loss: str, subscription: Subscription, files_root: Path
) -> None:
    before, after = two_runs(subscription)
    comparison = make_comparison(before, after)
    if loss == "file":
        before.expire()
    elif loss == "end of the file":
        (files_root / str(before.file.name)).write_bytes(b"Date")
    elif loss == "membership":
        Membership.objects.all().delete()
    else:
        ReportJob.objects.filter(pk=before.pk).update(file_columns=before.file_columns[1:])

    made(comparison)

    assert comparison.state == State.FAILED
    expected = {"membership": "no longer has access", "columns": "columns of this report type have changed"}
    assert expected.get(loss, "no longer available or is damaged") in comparison.failure
    assert list((files_root / "comparisons").iterdir()) == []


def test_a_file_with_fewer_rows_than_were_written_is_not_compared(subscription: Subscription, files_root: Path) -> None:
    before, after = two_runs(subscription)
    ReportJob.objects.filter(pk=before.pk).update(file_rows=4)

    comparison = made(make_comparison(before, after))

    assert comparison.state == State.FAILED
    assert list((files_root / "comparisons").iterdir()) == []


@pytest.mark.parametrize("at", ["in the database", "while rows are read", "at the end"])
def test_a_cancelled_comparison_stops_and_leaves_no_file(
    at: str, subscription: Subscription, files_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = two_runs(subscription)
    comparison = make_comparison(before, after)

    def cancel() -> None:
        Comparison.objects.get(pk=comparison.pk).cancel()

    find, read_after, write = ReportDiff.find, ReportDiff.read_after, ReportDiff.write

    def find_slowly(self: ReportDiff) -> Any:
        elsewhere(cancel)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [FOREVER_SECONDS])
        return find(self)

    def read_on(self: ReportDiff, rows: Any, progress: Any) -> Any:
        elsewhere(cancel)
        wait_for(lambda: progress(1), what="the comparison is stopped", guard=FOREVER_SECONDS)
        return read_after(self, rows, progress)

    def write_too_late(self: ReportDiff, target: Any, progress: Any) -> Any:
        lines = write(self, target, progress)
        elsewhere(cancel)
        return lines

    if at == "in the database":
        monkeypatch.setattr(ReportDiff, "find", find_slowly)
    elif at == "while rows are read":
        monkeypatch.setattr(ReportDiff, "read_after", read_on)
    else:
        monkeypatch.setattr(ReportDiff, "write", write_too_late)

    with guarded("cancelling ends the comparison"):
        made(comparison)

    assert comparison.state == State.CANCELLED
    assert list((files_root / "comparisons").iterdir()) == []


def test_files_of_comparisons_expire_and_left_over_ones_are_deleted(
    subscription: Subscription, files_root: Path
) -> None:
    before, after = two_runs(subscription)
    third = make_run(subscription=subscription)
    old, new = made(make_comparison(before, after)), made(make_comparison(before, third))
    finished_long_ago(old, days=30, minutes=1)
    finished_long_ago(new, days=29)
    folder = files_root / "comparisons"
    left_over = folder / f"{new.pk}.2.csv.part"
    left_over.touch()
    for path in folder.iterdir():
        os.utime(path, (0, 0))

    tasks.expire_reports()
    tasks.collect_left_over_files()

    old.refresh_from_db()
    assert (old.state, old.is_expired, old.rows_changed) == (State.SUCCEEDED, True, 1)
    assert [path.name for path in folder.iterdir()] == [f"{new.pk}.1.csv"]


def test_cycles_come_from_the_report_or_else_from_the_subscription(
    subscription: Subscription,
) -> None:
    job = make_run(subscription=subscription)
    starts = run.cycle_starts(job)
    assert [f"{day}" for day in starts] == ["2017-10-21", "2017-11-22"]
    job.file_cycles = []
    assert run.cycle_starts(job) == starts
    job.file_cycles = [{"first_day": "2017-11-01", "last_day": "2017-11-30"}]
    assert run.cycle_starts(job) == [starts[0].replace(month=11, day=1)]


def test_the_limit_of_running_reports_per_account_applies_to_comparisons(
    subscription: Subscription, settings: Any
) -> None:
    settings.REPORT_JOBS_RUNNING_PER_ACCOUNT = 1
    before, after = two_runs(subscription)
    first, second = make_comparison(before, after), make_comparison(before, make_run(subscription=subscription))

    assert Comparison.objects.claim(first.pk) is not None
    assert Comparison.objects.claim(second.pk) is None
