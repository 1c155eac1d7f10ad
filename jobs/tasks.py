"""The sweep, which makes up for lost messages and dead workers."""

import structlog
from celery import shared_task
from django.apps import apps

from jobs.models import Job, PeriodicTask
from jobs.publishing import publish_all

logger = structlog.get_logger(__name__)

SWEEP = "sweep"


@shared_task
def sweep() -> None:
    """Queue abandoned jobs again, and publish unpublished ones.

    Concurrent sweeps do no more than a single one.
    """
    for model in apps.get_models():
        if issubclass(model, Job):
            _sweep(model)
    # Even if there was nothing to do: the readiness probe and the metrics watch how old the last sweep is.
    PeriodicTask.objects.record(SWEEP)


def _sweep(model: type[Job]) -> None:
    queued, failed = model.objects.release_abandoned()
    if queued or failed:
        logger.warning("jobs_abandoned", model=model.__name__, queued=queued, failed=failed)
    if unpublished := model.objects.take_unpublished():
        logger.info("jobs_republished", model=model.__name__, jobs=[str(job.pk) for job in unpublished])
        publish_all(unpublished)
