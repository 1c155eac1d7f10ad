"""For how long the files of uploads, and what is needed to undo them, are kept."""

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import files
from jobs.states import UNFINISHED
from usage.models import Upload, UploadChange

# Tables of rows that nobody has decided on for so long are dropped; the file is staged again when somebody does.
STAGED_HOURS = 24


def expire_uploads() -> int:
    """Delete the files of old uploads, and what undoing them would need; returns of how many.

    An upload that nobody has decided on is discarded then. The row stays: who sent what, and what became of it.
    """
    kept = timedelta(days=settings.UPLOAD_RETENTION_DAYS)
    old = Upload.objects.filter(uploaded_at__lt=Now() - kept).exclude(file="")
    expired = 0
    for upload in old.exclude(latest_step__state__in=UNFINISHED).iterator(chunk_size=100):
        expired += _expire(upload)
    return expired


def _expire(upload: Upload) -> bool:
    """The row first: what a failed deletion leaves over is collected later."""
    names = [file.name for file in (upload.file, upload.errors_file, upload.rows_in_error_file) if file.name]
    with transaction.atomic():
        # Two statements: one that waits for the row would not see what somebody has just decided.
        Upload.objects.select_for_update().get(pk=upload.pk)
        row = Upload.objects.filter(pk=upload.pk, file=upload.file.name).exclude(latest_step__state__in=UNFINISHED)
        if not row.update(file="", errors_file="", rows_in_error_file="", staging_table="", preview={}):
            return False
        UploadChange.objects.filter(upload=upload).delete()
        Upload.objects.filter(pk=upload.pk, applied_at=None, discarded_at=None).update(discarded_at=Now())
        for name in names:
            transaction.on_commit(partial(files.remove, name), robust=True)
    return True


def forget_old_tables() -> int:
    """Let go of the tables of files that were checked long ago; returns how many."""
    old = Upload.objects.exclude(staging_table="").filter(
        Q(checked_at=None) | Q(checked_at__lt=Now() - timedelta(hours=STAGED_HOURS))
    )
    return old.exclude(latest_step__state__in=UNFINISHED).update(staging_table="")
