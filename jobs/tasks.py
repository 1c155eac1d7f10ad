"""The sweep: what makes good every message that got lost and every worker that died."""

import structlog
from celery import shared_task
from django.apps import apps

from jobs.models import Job, PeriodicTask
from jobs.publishing import publish_all

logger = structlog.get_logger(__name__)

SWEEP = "sweep"


@shared_task
def sweep() -> None:
    """Queue again the jobs of workers that died, and tell the workers of every job that none took.

    Any number of sweeps at once do no more than one.
    """
    for model in apps.get_models():
        if issubclass(model, Job):
            _sweep(model)
    # Also with nothing to do: whoever sees to it that all is well looks when the sweep was last seen.
    PeriodicTask.objects.record(SWEEP)


def _sweep(model: type[Job]) -> None:
    queued, failed = model.objects.release_abandoned()
    if queued or failed:
        logger.warning("jobs_were_abandoned", model=model.__name__, queued=queued, failed=failed)
    if unpublished := model.objects.take_unpublished():
        logger.info("jobs_published_again", model=model.__name__, jobs=[str(job.pk) for job in unpublished])
        publish_all(unpublished)
