"""Asking for a report: may one, is the range possible, and then a job that a worker takes."""

from datetime import date
from functools import partial

from django.core.exceptions import PermissionDenied
from django.db import transaction

from billing.cycles import DateRange
from billing.models import Administrator, ApiToken, Subscription
from jobs.publishing import publish
from reports import formats, types
from reports.models import ReportJob

NEEDED = (
    "Usage reports need one of the permissions Billing > All Permissions, Billing > Subscription > Add or "
    "Billing > Subscription > View. Ask the platform's staff for one of them."
)


def refuse_unless_permitted(administrator: Administrator, subscription: Subscription) -> None:
    """Raise PermissionDenied unless the administrator may have reports and sees the subscription's account."""
    visible = Subscription.objects.visible_to(administrator).filter(pk=subscription.pk)
    if not (administrator.may_report and visible.exists()):
        raise PermissionDenied(f"{administrator} may not have reports on subscription {subscription}.")


def request_report(
    *,
    administrator: Administrator,
    subscription: Subscription,
    report_type: str,
    days: DateRange,
    today: date,
    format: str = "csv",  # noqa: A002 - the word of the screens and the API
    token: ApiToken | None = None,
) -> ReportJob:
    """Save a queued job, and tell the workers of it once it is committed; `token` is what a program asked with.

    A broker that does not answer delays the report, not the answer. Raises PermissionDenied; RangeError with a sentence
    that names the window when the days are not inside of it; KeyError for an unknown report type or format.
    """
    refuse_unless_permitted(administrator, subscription)
    days.within(subscription.contract.available(today))
    job = ReportJob(
        requested_by=administrator,
        requested_with=token,
        requested_on=today,
        account=subscription.account,
        subscription=subscription,
        report_type=types.by_slug(report_type).slug,
        format=formats.by_slug(format).slug,
        date_from=days.date_from,
        date_through=days.date_through,
    )
    job.save()
    job.refresh_from_db(fields=["requested_at", "published_at"])  # by the database's clock
    transaction.on_commit(partial(publish, job), robust=True)
    return job


def request_again(job: ReportJob, *, administrator: Administrator, today: date) -> ReportJob:
    """The same request once more, by whoever asks now and with the data of today; raises what `request_report` does."""
    return request_report(
        administrator=administrator,
        subscription=job.subscription,
        report_type=job.report_type,
        days=job.range,
        today=today,
        format=job.format,
    )
