"""Two runs of a report with late data between them, and comparisons of the two."""

from datetime import date, timedelta
from typing import Any

from django.db.models.functions import Now

from billing.models import Administrator, Subscription
from jobs.states import State
from reports import tasks
from reports.comparisons.enqueue import enqueue_comparison
from reports.models import Comparison, ReportJob
from tests.factories import make_resource_usage
from tests.people import permitted_administrator
from tests.report_jobs import make_job
from usage.models import Resource, ResourceUsage

FROM, THROUGH = date(2017, 11, 20), date(2017, 11, 23)


def make_run(*, subscription: Subscription, report_type: str = "resource-usage", **fields: Any) -> ReportJob:
    """Return a finished report over four days, made in this process."""
    job = make_job(
        subscription=subscription,
        report_type=report_type,
        **{"date_from": FROM, "date_through": THROUGH, **fields},
    )
    tasks.generate_report(str(job.pk))
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED
    return job


def make_usage(subscription: Subscription) -> list[ResourceUsage]:
    """Return resource usage on three days: 12 text messages on each."""
    sms = Resource.objects.create(name="=SMS", unit="message")
    days = [FROM, FROM + timedelta(days=1), THROUGH]
    return [make_resource_usage(account=subscription.account, used_on=day, resource=sms) for day in days]


def change_late(usage: list[ResourceUsage]) -> None:
    """Change the quantity of one day, remove another day and add a third."""
    first, second, _third = usage
    ResourceUsage.objects.filter(pk=first.pk).update(quantity="12.5")
    make_resource_usage(account=first.account, used_on=FROM + timedelta(days=2), resource=first.resource, quantity="7")
    second.delete()


def make_comparison(before: ReportJob, after: ReportJob) -> Comparison:
    """Return a queued comparison of two finished reports."""
    administrator = permitted_administrator(subscription=before.subscription)
    return enqueue_comparison(administrator=administrator, job=after, other=before)


def make_queued_comparison(subscription: Subscription, *, requested_by: Administrator | None = None) -> Comparison:
    """Return a queued comparison of two queued reports."""
    before, after = make_job(subscription=subscription), make_job(subscription=subscription)
    return Comparison.objects.create(
        requested_by=requested_by or before.requested_by,
        account=subscription.account,
        subscription=subscription,
        report_type=before.report_type,
        before=before,
        after=after,
    )


def made(comparison: Comparison) -> Comparison:
    """Return the comparison after running it in this process."""
    tasks.compare_reports(str(comparison.pk))
    comparison.refresh_from_db()
    return comparison


def finished_long_ago(job: "ReportJob | Comparison", **ago: float) -> None:
    """Move the end of a job into the past, by the arguments of a `timedelta`."""
    type(job)._default_manager.filter(pk=job.pk).update(finished_at=Now() - timedelta(**ago))
