"""The periodic task of the jobs, which the scheduler publishes every few seconds."""

from celery import shared_task

from jobs.sweep import sweep_jobs


@shared_task
def sweep() -> None:
    sweep_jobs()
