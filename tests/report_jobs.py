"""Report jobs, their files, and a lease that has expired."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db.models.functions import Now

from billing.models import Subscription
from jobs.models import Job
from reports.models import ReportJob
from tests.factories import make_subscription
from tests.people import permitted_administrator

DAY = date(2017, 11, 22)


def make_job(*, subscription: Subscription | None = None, report_type: str = "user-hours", **fields: Any) -> ReportJob:
    """Return a queued, unpublished job for one day."""
    subscription = subscription or make_subscription()
    return ReportJob.objects.create(
        account=subscription.account,
        subscription=subscription,
        report_type=report_type,
        **{
            "requested_by": fields.pop("requested_by", None) or permitted_administrator(subscription=subscription),
            "requested_on": date(2017, 11, 24),
            "date_from": DAY,
            "date_through": DAY,
            **fields,
        },
    )


def with_file(job: ReportJob, *, folder: Path) -> ReportJob:
    """Return the job after writing a file of its length to the folder, which is that of the fixture `files_root`."""
    path = folder / str(job.file.name)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(job.file_bytes)
    return job


def expire_lease(job: Job) -> None:
    """Let the lease of the job end a second ago."""
    type(job)._default_manager.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
