"""The tasks of uploads: take a step of one, expire old ones, collect what nothing refers to."""

import re
from collections import defaultdict
from datetime import timedelta

import structlog
from celery import shared_task

from jobs import files
from jobs.running import run
from usage.models import Upload, UploadStep
from usage.models.uploads import FOLDER
from usage.staging.staged_tables import drop_abandoned_tables
from usage.uploads import retention
from usage.uploads.steps import take

logger = structlog.get_logger(__name__)

# A file is stored before the row that it belongs to.
GRACE = timedelta(hours=24)
_FILE_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b.*")


@shared_task
def take_step(step_id: str) -> None:
    """Take the step, unless another worker has it or it is over."""
    run(UploadStep, step_id, take)


@shared_task
def expire_uploads() -> None:
    """Delete the files of uploads that were kept for long enough."""
    if expired := retention.expire_uploads():
        logger.info("uploads_expired", uploads=expired)


@shared_task
def collect_left_overs() -> None:
    """Delete files that became no upload, and what killed workers left in storage and database."""
    retention.forget_old_tables()
    if deleted := files.collect(FOLDER, wanted=_wanted, older_than=GRACE):
        logger.info("left_over_files_deleted", folder=FOLDER, files=deleted)
    if dropped := drop_abandoned_tables():
        logger.info("abandoned_tables_dropped", tables=dropped)


def _wanted(names: list[str]) -> set[str]:
    """Of a folder's file names those that an upload refers to; what is not ours by name stays."""
    by_upload: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        if match := _FILE_NAME.fullmatch(name):
            by_upload[match[1]].add(name)
    wanted = set(names).difference(*by_upload.values())
    for upload in Upload.objects.filter(pk__in=by_upload):
        referred = {upload.file.name, upload.errors_file.name, upload.rows_in_error_file.name}
        wanted |= {name for name in by_upload[str(upload.pk)] if f"{FOLDER}/{name}" in referred}
    return wanted
