"""Asking for a report: may one, is the range possible, and then a job that a worker takes."""

from dataclasses import dataclass
from datetime import date
from functools import partial

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q

from billing.cycles import DateRange
from billing.models import Administrator, ApiToken, Subscription
from jobs.locks import hold
from jobs.publishing import publish
from jobs.states import State
from reports import formats, types
from reports.models import ReportJob
from reports.orders import deduplicate

NEEDED = (
    "Usage reports need one of the permissions Billing > All Permissions, Billing > Subscription > Add or "
    "Billing > Subscription > View. Ask the platform's staff for one of them."
)


class TooManyJobsError(Exception):
    """So many reports wait already that no more are taken; the message says whose, how many, and what to do."""


def refuse_unless_permitted(administrator: Administrator, subscription: Subscription) -> None:
    """Raise PermissionDenied unless the administrator may have reports and sees the subscription's account."""
    visible = Subscription.objects.visible_to(administrator).filter(pk=subscription.pk)
    if not (administrator.may_report and visible.exists()):
        raise PermissionDenied(f"{administrator} may not have reports on subscription {subscription}.")


@dataclass(frozen=True, slots=True)
class Requested:
    """What came of a request: a job of its own unless it `joined` one under way, or one is `unchanged` since made."""

    job: ReportJob
    joined: bool = False
    unchanged: bool = False


def request_report(
    *,
    administrator: Administrator,
    subscription: Subscription,
    report_type: str,
    days: DateRange,
    today: date,
    format: str = formats.DEFAULT,  # noqa: A002 - the word of the screens and the API
    totals_sheet: bool = False,
    token: ApiToken | None = None,
    again: bool = False,
) -> Requested:
    """Save a queued job, and tell the workers of it once it is committed; `token` is what a program asked with.

    No work is done twice: who asks for what is under way waits for that job too, and what was made before and would
    come out the same is offered, unless it is to be made `again`. A broker that does not answer delays the report, not
    the answer. Raises PermissionDenied; RangeError with a sentence that names the window when the days are not inside
    of it; KeyError for an unknown report type or format; TooManyJobsError, where a job of its own is needed.
    """
    refuse_unless_permitted(administrator, subscription)
    days.within(subscription.contract.available(today))
    file_format = formats.by_slug(format)
    order = ReportJob(
        requested_by=administrator,
        requested_with=token,
        requested_on=today,
        account=subscription.account,
        subscription=subscription,
        report_type=types.by_slug(report_type).slug,
        format=file_format.slug,
        totals_sheet=totals_sheet and file_format.holds_totals,
        date_from=days.date_from,
        date_through=days.date_through,
    )
    with transaction.atomic():
        deduplicate.hold_requests_like(order)
        if job := deduplicate.under_way(order):
            deduplicate.wait_for(job, administrator=administrator, token=token)
            return Requested(job, joined=True)
        if not again and (job := deduplicate.unchanged(order)):
            return Requested(job, unchanged=True)
        _queue(order)
        return Requested(order)


def _queue(job: ReportJob) -> None:
    _refuse_when_too_many_wait(job)
    job.save()
    job.refresh_from_db(fields=["requested_at", "published_at"])  # by the database's clock
    deduplicate.wait_for(job, administrator=job.requested_by, token=job.requested_with)
    transaction.on_commit(partial(publish, job), robust=True)


def _refuse_when_too_many_wait(job: ReportJob) -> None:
    """Raise TooManyJobsError when the queue holds as many as it may of the token, the administrator or the account.

    Exact, however many ask at once: the locks are held until the new job is committed.
    """
    per_caller, per_account = settings.REPORT_JOBS_WAITING_PER_TOKEN, settings.REPORT_JOBS_WAITING_PER_ACCOUNT
    if not (per_caller or per_account):
        return
    token, administrator, account = job.requested_with_id, job.requested_by_id, job.account_id
    hold(f"asking: token {token}, administrator {administrator}", f"asking: account {account}")
    by_caller = Q(requested_with=token) if token else Q(requested_with=None, requested_by=administrator)
    by_account = Q(account=account)
    queued = ReportJob.objects.filter(by_caller | by_account, state=State.QUEUED).order_by()
    counts = queued.aggregate(of_caller=Count("pk", filter=by_caller), of_account=Count("pk", filter=by_account))
    whose = "that were asked for with this token" if token else "of yours"
    for waiting, limit, which in (
        (counts["of_caller"], per_caller, whose),
        (counts["of_account"], per_account, "of this account"),
    ):
        if limit and waiting >= limit:
            raise TooManyJobsError(
                f"Too many reports {which} wait to be made: {waiting}, with a limit of {limit}. Try again when some "
                "are done, or cancel some."
            )


def request_again(job: ReportJob, *, administrator: Administrator, today: date) -> Requested:
    """The same request once more, by whoever asks now and with the data of today; raises what `request_report` does.

    A job of its own also where nothing has changed, unless one is under way.
    """
    return request_report(
        administrator=administrator,
        subscription=job.subscription,
        report_type=job.report_type,
        days=job.range,
        today=today,
        format=job.format,
        totals_sheet=job.totals_sheet,
        again=True,
    )
