"""The tasks of reports: make or compare some, let old files expire, collect files that nothing refers to."""

from datetime import timedelta
from functools import partial

import structlog
from celery import shared_task
from django.db import transaction

from jobs import files
from jobs.running import run
from jobs.states import State
from reports.api.serializers.report_jobs import complete
from reports.comparisons.run import compare
from reports.models import Comparison, IdempotencyKey, ReportJob
from reports.models.file_jobs import FileJob
from reports.orders.run import make_report
from reports.webhooks.announce import announce_expired
from reports.webhooks.tasks import announce, hint

logger = structlog.get_logger(__name__)

GRACE = timedelta(minutes=1)


@shared_task
def generate_report(job_id: str) -> None:
    """Make the report, unless another worker has it or it is over; then have what ended announced."""
    run(ReportJob, job_id, make_report)
    hint(announce)


@shared_task
def compare_reports(comparison_id: str) -> None:
    """Make the comparison, unless another worker has it or it is over."""
    run(Comparison, comparison_id, compare)


@shared_task
def expire_reports() -> None:
    """Delete the files of reports that were kept long enough, and announce it; the jobs stay. Comparisons alike."""
    for job in complete(ReportJob.objects.past_retention()).iterator():
        if _expire(job):
            logger.info("report_expired", job=str(job.pk))
    for comparison in Comparison.objects.past_retention().iterator():
        if comparison.expire():
            logger.info("comparison_expired", job=str(comparison.pk))
    hint(announce)


def _expire(job: ReportJob) -> bool:
    with transaction.atomic():
        is_expired = job.expire()
        if is_expired:
            announce_expired(job)
    return is_expired


@shared_task
def forget_idempotency_keys() -> None:
    """Delete the idempotency keys that stand for nothing any more."""
    IdempotencyKey.objects.expired().delete()


@shared_task
def collect_left_over_files() -> None:
    """Delete what killed workers left: temporary files, and those of attempts that did not become the report."""
    for model in (ReportJob, Comparison):
        wanted = partial(files.names_to_keep, rows=model.objects.all(), is_needed_by=_is_needed_by)
        if deleted := files.collect(model.folder, wanted=wanted, older_than=GRACE):
            logger.info("left_over_files_deleted", folder=model.folder, files=deleted)


def _is_needed_by(job: FileJob, name: str) -> bool:
    """Return whether a name in the model's folder is the job's finished file, or a file of the attempt under way."""
    if job.file.name == f"{job.folder}/{name}":
        return True
    return job.state == State.RUNNING and name.startswith(f"{job.pk}.{job.fence}.")
