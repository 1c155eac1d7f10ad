"""The tasks of uploads: take a step of one, expire old ones, collect what nothing refers to."""

from datetime import timedelta
from functools import partial

import structlog
from celery import shared_task

from jobs import files
from jobs.running import run
from usage.models import Upload, UploadStep
from usage.models.uploads import FOLDER
from usage.staging.staged_tables import drop_abandoned_tables
from usage.uploads import retention
from usage.uploads.steps import run_step

logger = structlog.get_logger(__name__)

# A file is stored before the row that it belongs to.
GRACE = timedelta(hours=24)


@shared_task
def take_step(step_id: str) -> None:
    """Take the step, unless another worker has it or it is over."""
    run(UploadStep, step_id, run_step)


@shared_task
def expire_uploads() -> None:
    """Delete the files of uploads that were kept for long enough."""
    if expired := retention.expire_uploads():
        logger.info("uploads_expired", uploads=expired)


@shared_task
def collect_left_overs() -> None:
    """Delete files that became no upload, and what killed workers left in storage and database."""
    retention.forget_old_tables()
    wanted = partial(files.names_to_keep, rows=Upload.objects.all(), is_needed_by=_is_needed_by)
    if deleted := files.collect(FOLDER, wanted=wanted, older_than=GRACE):
        logger.info("left_over_files_deleted", folder=FOLDER, files=deleted)
    if dropped := drop_abandoned_tables():
        logger.info("abandoned_tables_dropped", tables=dropped)


def _is_needed_by(upload: Upload, name: str) -> bool:
    """Return whether the upload refers to a name in the folder."""
    return f"{FOLDER}/{name}" in upload.file_names
