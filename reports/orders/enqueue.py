"""Ordering a report: checks the permission and the days, and then joins, offers or enqueues a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q

from billing.cycles import DateRange
from billing.models import Administrator, ApiToken, Subscription
from jobs.locks import hold, keep
from jobs.publishing import publish
from jobs.querysets import JobQuerySet
from jobs.states import State
from reports import formats, types
from reports.models import ReportJob
from reports.orders import deduplicate

NEEDED = (
    "Usage reports need one of the permissions Billing > All Permissions, Billing > Subscription > Add or "
    "Billing > Subscription > View. Ask the platform's staff for one of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrder:
    """The report that somebody wants. `report_type` and `format` are slugs.

    `totals_sheet` has no effect on formats that cannot hold totals.
    """

    subscription: Subscription
    report_type: str
    days: DateRange
    format: str = formats.DEFAULT
    totals_sheet: bool = False

    @classmethod
    def of(cls, job: ReportJob) -> "ReportOrder":
        """Return the order that a job carries out."""
        return cls(
            subscription=job.subscription,
            report_type=job.report_type,
            days=job.range,
            format=job.format,
            totals_sheet=job.totals_sheet,
        )


class OrderOutcome(StrEnum):
    CREATED = "created"
    """A job was created."""
    JOINED = "joined"
    """An equal order was already queued or running, and its job serves this one too."""
    UNCHANGED = "unchanged"
    """A finished job's file is still up to date."""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """The job that serves an order, and whether it was created for it."""

    job: ReportJob
    outcome: OrderOutcome


class SubscriptionDeletedError(Exception):
    """The subscription was deleted while the report was being ordered."""


class TooManyJobsError(Exception):
    """The queue is full; the message says for whom, how many jobs are waiting, and what to do."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """The most jobs that may be queued of those that match; 0 stands for no limit.

    `lock` names whose limit it is, and `jobs` continues the sentence *Too many … are waiting*.
    """

    lock: str
    matching: Q
    most: int
    jobs: str


def refuse_unless_permitted(administrator: Administrator, subscription: Subscription) -> None:
    """Raise PermissionDenied unless the administrator may have reports and sees the subscription's account."""
    visible = Subscription.objects.visible_to(administrator).filter(pk=subscription.pk)
    if not (administrator.may_report and visible.exists()):
        raise PermissionDenied(f"{administrator} may not have reports on subscription {subscription}.")


def enqueue_report(
    order: ReportOrder,
    *,
    administrator: Administrator,
    today: date,
    token: ApiToken | None = None,
    again: bool = False,
) -> PlacedOrder:
    """Create a queued job for the order and publish it on commit; `token` is what a program ordered with.

    An equal order that is queued or running is joined instead, and a finished job whose file would come out the same is
    returned unless the report is to be made `again`. If the broker does not respond, the sweep publishes the job later.

    Raises PermissionDenied; RangeError, with a sentence that names the window, if the days are not inside it; KeyError
    for an unknown report type or format; TooManyJobsError if a job would have to be created but the queue is full;
    SubscriptionDeletedError.
    """
    with transaction.atomic():
        if not keep(order.subscription):
            raise SubscriptionDeletedError
        refuse_unless_permitted(administrator, order.subscription)
        candidate = _job_for(order, administrator=administrator, token=token, today=today)
        deduplicate.hold_orders_like(candidate)
        if job := deduplicate.joinable_job(candidate):
            deduplicate.subscribe(job, administrator=administrator, token=token)
            return PlacedOrder(job, OrderOutcome.JOINED)
        if not again and (job := deduplicate.unchanged_job(candidate)):
            return PlacedOrder(job, OrderOutcome.UNCHANGED)
        _enqueue(candidate)
        return PlacedOrder(candidate, OrderOutcome.CREATED)


def order_again(job: ReportJob, *, administrator: Administrator, today: date) -> PlacedOrder:
    """Place the job's order again, for this administrator and with today's data. Raises as `enqueue_report` does.

    Creates a job even if nothing has changed, unless an equal order is queued or running.
    """
    return enqueue_report(ReportOrder.of(job), administrator=administrator, today=today, again=True)


def refuse_when_queue_is_full(jobs: JobQuerySet[Any], limits: Sequence[QueueLimit]) -> None:
    """Raise TooManyJobsError if as many of the jobs are queued as one of the limits allows.

    Exact despite concurrent orders: the locks are held until the transaction ends, which also saves the new job.
    """
    limits = [limit for limit in limits if limit.most]
    if not limits:
        return
    hold(*(limit.lock for limit in limits))
    matching = Q(*(limit.matching for limit in limits), _connector=Q.OR)
    queued = jobs.filter(matching, state=State.QUEUED).order_by()
    counts = queued.aggregate(
        **{f"of_limit_{place}": Count("pk", filter=limit.matching) for place, limit in enumerate(limits)}
    )
    for waiting, limit in zip(counts.values(), limits, strict=True):
        if waiting >= limit.most:
            raise TooManyJobsError(
                f"Too many {limit.jobs} are waiting: {waiting} (limit: {limit.most}). Try again when some have "
                "finished, or cancel some."
            )


def _job_for(order: ReportOrder, *, administrator: Administrator, token: ApiToken | None, today: date) -> ReportJob:
    """Return the unsaved job that would carry out the order. Raises RangeError and KeyError."""
    order.days.within(order.subscription.contract.available(today))
    file_format = formats.by_slug(order.format)
    return ReportJob(
        requested_by=administrator,
        requested_with=token,
        requested_on=today,
        account=order.subscription.account,
        subscription=order.subscription,
        report_type=types.by_slug(order.report_type).slug,
        format=file_format.slug,
        totals_sheet=order.totals_sheet and file_format.holds_totals,
        date_from=order.days.date_from,
        date_through=order.days.date_through,
    )


def _enqueue(job: ReportJob) -> None:
    refuse_when_queue_is_full(ReportJob.objects.all(), _queue_limits(job))
    job.save()
    job.refresh_from_db(fields=["requested_at", "published_at"])  # Set by the database's clock.
    deduplicate.subscribe(job, administrator=job.requested_by, token=job.requested_with)
    transaction.on_commit(partial(publish, job), robust=True)


def _queue_limits(job: ReportJob) -> list[QueueLimit]:
    administrator, token, account = job.requested_by_id, job.requested_with_id, job.account_id
    per_caller, per_account = settings.REPORT_JOBS_WAITING_PER_TOKEN, settings.REPORT_JOBS_WAITING_PER_ACCOUNT
    if token:
        of_caller = QueueLimit(
            f"queue of token {token}", Q(requested_with=token), per_caller, "reports requested with this token"
        )
    else:
        on_screens = Q(requested_with=None, requested_by=administrator)
        of_caller = QueueLimit(f"queue of administrator {administrator}", on_screens, per_caller, "of your reports")
    return [
        of_caller,
        QueueLimit(f"queue of account {account}", Q(account=account), per_account, "reports of this account"),
    ]
