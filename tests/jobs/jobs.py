"""Jobs for tests, and the database's clock turned on for one of them."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models.functions import Now

from billing.models import Administrator, Subscription
from jobs.models import Job
from reports.models import ReportJob
from tests.factories import make_administrator, make_subscription

DAY = date(2017, 11, 22)


def permitted_administrator(*, subscription: Subscription, codename: str = "view_subscription") -> Administrator:
    """A member of the subscription's account with one permission."""
    administrator = make_administrator(accounts=(subscription.account,))
    administrator.user_permissions.add(Permission.objects.get(codename=codename))
    return Administrator.objects.get(pk=administrator.pk)


def make_job(*, subscription: Subscription | None = None, report_type: str = "user-hours", **fields: Any) -> ReportJob:
    """A queued job for one day that nobody was told of."""
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


def with_file(job: ReportJob, *, settings: Any, folder: Path) -> ReportJob:
    """The same, and a file of its length in the default storage, which is in this folder from now on."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    path = folder / str(job.file.name)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(job.file_bytes)
    return job


def expire_lease(job: Job) -> None:
    """As if the job's worker had not been heard of for longer than a lease."""
    type(job)._default_manager.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
