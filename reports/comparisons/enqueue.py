"""Asking for a comparison of two reports: which are comparable, and then a job that a worker takes."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from billing.models import Administrator
from jobs import files
from jobs.locks import hold
from jobs.publishing import publish
from jobs.states import UNFINISHED, State
from reports.models import Comparison, ReportJob
from reports.orders.enqueue import TooManyJobsError, refuse_unless_permitted


class NotComparableError(Exception):
    """The two are no runs of one report; the message is a sentence."""


def other_runs(job: ReportJob) -> "QuerySet[ReportJob]":
    """The reports of the same type on the same days of the same subscription that were made, the latest first."""
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
    """The two with the one first that shows the data of the earlier moment."""
    before, after = sorted((job, other), key=lambda it: (it.file_as_of or it.requested_at, it.requested_at, it.pk))
    return before, after


def request_comparison(*, administrator: Administrator, job: ReportJob, other: ReportJob) -> Comparison:
    """The comparison of two runs that there is or is being made, or else a queued job, which the workers are told of.

    Raises PermissionDenied; NotComparableError; TooManyJobsError.
    """
    refuse_unless_permitted(administrator, job.subscription)
    if job.state != State.SUCCEEDED or not other_runs(job).filter(pk=other.pk).exists():
        raise NotComparableError("Choose a report of the same type and days that was made.")
    before, after = in_order(job, other)
    with transaction.atomic():
        hold(f"comparing: account {job.account_id}")
        known = Comparison.objects.of(before, after).filter(
            Q(state__in=UNFINISHED) | (Q(state=State.SUCCEEDED) & ~Q(file=""))
        )
        comparison = known.order_by("-requested_at").first()
        if comparison and not (comparison.file and files.is_lost(str(comparison.file.name), comparison.file_bytes)):
            return comparison
        _refuse_when_too_many_wait(job)
        comparison = Comparison.objects.create(
            requested_by=administrator,
            account_id=job.account_id,
            subscription_id=job.subscription_id,
            report_type=job.report_type,
            before=before,
            after=after,
        )
        comparison.refresh_from_db(fields=["requested_at", "published_at"])  # by the database's clock
        transaction.on_commit(partial(publish, comparison), robust=True)
    return comparison


def _refuse_when_too_many_wait(job: ReportJob) -> None:
    """As many comparisons of an account may wait as reports; exact, since the account's lock is held."""
    limit = settings.REPORT_JOBS_WAITING_PER_ACCOUNT
    waiting = Comparison.objects.filter(account=job.account_id, state=State.QUEUED).count()
    if limit and waiting >= limit:
        raise TooManyJobsError(
            f"Too many comparisons of this account wait to be made: {waiting}, with a limit of {limit}. Try again when "
            "some are done, or cancel some."
        )
