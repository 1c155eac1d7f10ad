"""The customer whose reports are measured, and one report's way through the worker's code."""

from dataclasses import dataclass
from datetime import date
from time import perf_counter

from billing.cycles import DateRange
from billing.models import Account, Administrator, Subscription
from jobs import files
from jobs.running import run
from reports.models import ReportJob
from reports.orders.run import run_report_job

ACTIVATED_ON = date(2025, 1, 1)
ASKED_ON = date(2026, 3, 1)
"""The day of the requests; sessions still open are cut before it."""


@dataclass(frozen=True)
class Customer:
    """An account with a subscription, and the administrator who orders its reports."""

    subscription: Subscription
    administrator: Administrator

    @classmethod
    def make(cls, code: str, *, activated_on: date = ACTIVATED_ON) -> "Customer":
        """Create a customer whose administrator is platform staff."""
        account = Account.objects.create(code=code, name=f"Customer {code}")
        subscription = Subscription.objects.create(
            number=code, account=account, activation_date=activated_on, currency="USD"
        )
        email = "bench@tallydesk.example"
        administrator = Administrator.objects.filter(email=email).first()
        return cls(subscription, administrator or Administrator.objects.create_superuser(email))

    def asked(self, report_type: str, days: DateRange, *, format: str = "csv") -> ReportJob:  # noqa: A002 - as elsewhere
        """Save a queued job, as the web process does."""
        return ReportJob.objects.create(
            requested_by=self.administrator,
            requested_on=ASKED_ON,
            account_id=self.subscription.account_id,
            subscription=self.subscription,
            report_type=report_type,
            format=format,
            date_from=days.date_from,
            date_through=days.date_through,
        )

    def seconds(
        self,
        report_type: str,
        days: DateRange,
        *,
        format: str = "csv",  # noqa: A002 - as elsewhere
        rows: int | None = None,
    ) -> float:
        """Return the seconds from the claim to the stored file, which must have this many `rows` and is deleted."""
        job = self.asked(report_type, days, format=format)
        seconds = made(job)
        if rows is not None and job.file_rows != rows:
            raise RuntimeError(f"{job} has {job.file_rows} rows")
        forget(job)
        return seconds


def made(job: ReportJob) -> float:
    """Run the job as a worker does; return the seconds from the claim to the stored file. Fails if the job fails."""
    start = perf_counter()
    run(ReportJob, job.pk, run_report_job)
    seconds = perf_counter() - start
    job.refresh_from_db()
    if job.state != "succeeded":
        raise RuntimeError(f"{job}: {job.state}. {job.failure}")
    return seconds


def forget(job: ReportJob) -> None:
    """Delete all files and jobs."""
    files.remove(str(job.file.name))
    job.delete()
