"""Tasks of reports: run and compare reports, expire old files, and delete files that nothing refers to."""

from datetime import timedelta
from functools import partial

import structlog
from celery import shared_task
from django.db import transaction

from jobs import files
from jobs.running import run
from jobs.states import State
from reports.api.serializers.report_jobs import complete
from reports.comparisons.run import run_comparison
from reports.models import Comparison, IdempotencyKey, ReportJob
from reports.models.file_jobs import FileJob
from reports.orders.run import run_report_job
from reports.webhooks.announce import announce_expired
from reports.webhooks.tasks import announce, publish_task

logger = structlog.get_logger(__name__)

GRACE = timedelta(minutes=1)


@shared_task
def generate_report(job_id: str) -> None:
    """Run the report job, unless another worker holds it or it has finished; then announce finished jobs."""
    run(ReportJob, job_id, run_report_job)
    publish_task(announce)


@shared_task
def compare_reports(comparison_id: str) -> None:
    """Run the comparison, unless another worker holds it or it has finished."""
    run(Comparison, comparison_id, run_comparison)


@shared_task
def expire_reports() -> None:
    """Delete the files whose retention period has ended, and announce those of reports. The jobs stay."""
    for job in complete(ReportJob.objects.past_retention()).iterator():
        if _expire(job):
            logger.info("report_expired", job=str(job.pk))
    for comparison in Comparison.objects.past_retention().iterator():
        if comparison.expire():
            logger.info("comparison_expired", job=str(comparison.pk))
    publish_task(announce)


def _expire(job: ReportJob) -> bool:
    with transaction.atomic():
        is_expired = job.expire()
        if is_expired:
            announce_expired(job)
    return is_expired


@shared_task
def forget_idempotency_keys() -> None:
    """Delete the idempotency keys that no longer stand for a request."""
    IdempotencyKey.objects.expired().delete()


@shared_task
def collect_left_over_files() -> None:
    """Delete the files that killed workers left behind: temporary ones, and those of attempts that did not succeed."""
    for model in (ReportJob, Comparison):
        wanted = partial(files.names_to_keep, rows=model.objects.all(), is_needed_by=_is_needed_by)
        if deleted := files.collect(model.folder, wanted=wanted, older_than=GRACE):
            logger.info("left_over_files_deleted", folder=model.folder, files=deleted)


def _is_needed_by(job: FileJob, name: str) -> bool:
    """Return whether a name in the model's folder is the job's finished file, or a file of the attempt under way."""
    if job.file.name == f"{job.folder}/{name}":
        return True
    return job.state == State.RUNNING and name.startswith(f"{job.pk}.{job.fence}.")
