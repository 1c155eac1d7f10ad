"""Ordering a comparison of two reports: finds out which are comparable, and enqueues a job."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from billing.models import Administrator
from jobs import files
from jobs.locks import hold
from jobs.publishing import publish
from jobs.queue_limits import QueueLimit, refuse_when_queue_is_full
from jobs.states import UNFINISHED, State
from reports.models import Comparison, ReportJob
from reports.orders.enqueue import refuse_unless_permitted


class NotComparableError(Exception):
    """The two reports are not runs of the same report; the message is a sentence."""


def other_runs(job: ReportJob) -> "QuerySet[ReportJob]":
    """Return the finished reports of the same type, days and subscription, latest first."""
    return (
        ReportJob.objects.filter(
            subscription=job.subscription_id,
            report_type=job.report_type,
            date_from=job.date_from,
            date_through=job.date_through,
            state=State.SUCCEEDED,
        )
        .exclude(pk=job.pk)
        .order_by("-requested_at")
    )


def in_order(job: ReportJob, other: ReportJob) -> tuple[ReportJob, ReportJob]:
    """Return the two reports, first the one with the earlier data."""
    before, after = sorted((job, other), key=lambda it: (it.file_as_of or it.requested_at, it.requested_at, it.pk))
    return before, after


def enqueue_comparison(*, administrator: Administrator, job: ReportJob, other: ReportJob) -> Comparison:
    """Return the comparison of two runs: an existing one, finished or not, or a new queued job, published on commit.

    Raises PermissionDenied; NotComparableError; TooManyJobsError if as many comparisons of the account are queued as
    reports may be.
    """
    refuse_unless_permitted(administrator, job.subscription)
    if job.state != State.SUCCEEDED or not other_runs(job).filter(pk=other.pk).exists():
        raise NotComparableError("Choose a finished report of the same type and days.")
    before, after = in_order(job, other)
    of_account = QueueLimit(
        lock=f"comparing: account {job.account_id}",
        matching=Q(account=job.account_id),
        most=settings.REPORT_JOBS_WAITING_PER_ACCOUNT,
        jobs="comparisons of this account",
    )
    with transaction.atomic():
        hold(of_account.lock)  # A concurrent order for the same two reports then finds this one's comparison.
        known = Comparison.objects.of(before, after).filter(
            Q(state__in=UNFINISHED) | (Q(state=State.SUCCEEDED) & ~Q(file=""))
        )
        comparison = known.order_by("-requested_at").first()
        if comparison and not (comparison.file and files.is_lost(str(comparison.file.name), comparison.file_bytes)):
            return comparison
        refuse_when_queue_is_full(Comparison.objects.all(), [of_account])
        comparison = Comparison.objects.create(
            requested_by=administrator,
            account_id=job.account_id,
            subscription_id=job.subscription_id,
            report_type=job.report_type,
            before=before,
            after=after,
        )
        comparison.refresh_from_db(fields=["requested_at", "published_at"])  # Set by the database's clock.
        transaction.on_commit(partial(publish, comparison), robust=True)
    return comparison
