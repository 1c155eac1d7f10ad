"""Enqueueing a step of an upload, unless too many are waiting: check, apply or undo."""

from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from billing.models import Account, Administrator
from jobs.publishing import publish
from jobs.queue_limits import QueueLimit, TooManyJobsError, refuse_when_queue_is_full
from usage.models import Step, Upload, UploadStep


def enqueue_step(upload: Upload, step: Step, administrator: Administrator, *, skips_errors: bool = False) -> UploadStep:
    """Save a step as the latest one of its upload, and publish it on commit; call it inside a transaction.

    Raises ValidationError, with a sentence, if too many uploads are waiting.
    """
    refuse_when_too_many_wait(administrator, upload.account)
    enqueued = UploadStep.objects.create(
        upload=upload, account=upload.account, step=step, skips_errors=skips_errors, requested_by=administrator
    )
    Upload.objects.filter(pk=upload.pk).update(latest_step=enqueued)
    upload.latest_step = enqueued
    transaction.on_commit(partial(publish, enqueued), robust=True)
    return enqueued


def refuse_when_too_many_wait(administrator: Administrator, account: Account | None) -> None:
    """Raise ValidationError, with a sentence, if the administrator or the account has too many steps in the queue."""
    limits = [
        QueueLimit(
            f"uploads of administrator {administrator.pk}",
            Q(requested_by=administrator),
            settings.UPLOADS_WAITING_PER_ADMINISTRATOR,
            "of your uploads",
            end="discard",
        )
    ]
    if account is not None:
        limits.append(
            QueueLimit(
                f"uploads of account {account.pk}",
                Q(account=account),
                settings.UPLOADS_WAITING_PER_ACCOUNT,
                "uploads into this account",
                end="discard",
            )
        )
    try:
        refuse_when_queue_is_full(UploadStep.objects.all(), limits)
    except TooManyJobsError as error:
        raise ValidationError(str(error)) from error
