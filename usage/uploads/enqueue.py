"""Enqueueing a step of an upload: check, apply or undo."""

from functools import partial

from django.db import transaction

from billing.models import Administrator
from jobs.publishing import publish
from usage.models import Step, Upload, UploadStep


def enqueue_step(upload: Upload, step: Step, administrator: Administrator, *, skips_errors: bool = False) -> UploadStep:
    """Save a step as the latest one of its upload, and publish it on commit; call it inside a transaction."""
    enqueued = UploadStep.objects.create(
        upload=upload, account=upload.account, step=step, skips_errors=skips_errors, requested_by=administrator
    )
    Upload.objects.filter(pk=upload.pk).update(latest_step=enqueued)
    upload.latest_step = enqueued
    transaction.on_commit(partial(publish, enqueued), robust=True)
    return enqueued
