"""The sweep: what happens to the jobs of a worker that died, and to those whose message was lost."""

import structlog
from django.apps import apps

from jobs.models import Job, PeriodicTask
from jobs.publishing import publish_all

logger = structlog.get_logger(__name__)

SWEEP = "sweep"


def sweep_jobs() -> None:
    """Queue abandoned jobs again or, without an attempt left, fail them; publish unpublished ones.

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
