"""Tasks of reports: run and compare reports, expire old files, and delete files that nothing refers to."""

import re
from collections import defaultdict
from datetime import timedelta
from functools import partial

import structlog
from celery import shared_task
from django.db import transaction

from jobs import files
from jobs.querysets import JobQuerySet
from jobs.running import run
from jobs.states import State
from reports.api.serializers.report_jobs import complete
from reports.comparisons.run import run_comparison
from reports.models import Comparison, IdempotencyKey, ReportJob
from reports.orders.run import run_report_job
from reports.webhooks.announce import announce_expired
from reports.webhooks.tasks import announce, publish_task

logger = structlog.get_logger(__name__)

GRACE = timedelta(minutes=1)
_FILE_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9]+)(?:\.\w+)+")


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
    IdempotencyKey.objects.past_keeping().delete()


@shared_task
def collect_left_over_files() -> None:
    """Delete the files that killed workers left behind: temporary ones, and those of attempts that did not succeed."""
    for model in (ReportJob, Comparison):
        wanted = partial(_wanted, JobQuerySet(model), model.folder)
        if deleted := files.collect(model.folder, wanted=wanted, older_than=GRACE):
            logger.info("left_over_files_deleted", folder=model.folder, files=deleted)


def _wanted(jobs: "JobQuerySet[ReportJob] | JobQuerySet[Comparison]", folder: str, names: list[str]) -> set[str]:
    """Of a folder's file names those of finished jobs and of attempts under way; what is not ours by name stays."""
    fences: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name in names:
        if match := _FILE_NAME.fullmatch(name):
            fences[match[1]][name] = int(match[2])
    wanted = set(names) - {name for by_name in fences.values() for name in by_name}
    for job in jobs.filter(pk__in=fences):
        for name, fence in fences[str(job.pk)].items():
            if job.file.name == f"{folder}/{name}" or (job.state == State.RUNNING and job.fence == fence):
                wanted.add(name)
    return wanted
