"""How long the files of uploads, and what is needed to undo them, are kept."""

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import files
from jobs.states import UNFINISHED
from usage.models import Upload, UploadChange

# Staged tables without a decision are dropped after this time; a later decision stages the file again.
STAGED_HOURS = 24


def expire_uploads() -> int:
    """Delete the files of uploads past retention, and what undoing them needs; return the number of uploads.

    Files that cannot be read are kept for a shorter time, from the check that refused them. Uploads without a decision
    are discarded. The rows stay: who uploaded what, and what became of it.
    """
    kept = timedelta(days=settings.UPLOAD_RETENTION_DAYS)
    kept_unreadable = timedelta(days=settings.UPLOAD_UNREADABLE_RETENTION_DAYS)
    is_unreadable = ~Q(refusal="") & Q(applied_at=None, checked_at__lt=Now() - kept_unreadable)
    old = Upload.objects.filter(Q(uploaded_at__lt=Now() - kept) | is_unreadable).exclude(file="")
    expired = 0
    for upload in old.exclude(latest_step__state__in=UNFINISHED).iterator(chunk_size=100):
        expired += _expire(upload)
    return expired


def _expire(upload: Upload) -> bool:
    names = upload.file_names
    # The row is updated first: files that a failed deletion leaves behind are collected later.
    with transaction.atomic():
        # Two statements: one that waits for the row would not see a decision made just before.
        Upload.objects.select_for_update().get(pk=upload.pk)
        row = Upload.objects.filter(pk=upload.pk, file=upload.file.name).exclude(latest_step__state__in=UNFINISHED)
        gone = dict.fromkeys(("file", "errors_file", "rows_in_error_file", "notices_file", "staging_table"), "")
        if not row.update(**gone, preview={}):
            return False
        UploadChange.objects.filter(upload=upload).delete()
        Upload.objects.filter(pk=upload.pk, applied_at=None, discarded_at=None).update(discarded_at=Now())
        for name in names:
            transaction.on_commit(partial(files.remove, name), robust=True)
    return True


def forget_old_tables() -> int:
    """Forget the staged tables of files that were checked long ago; return how many."""
    old = Upload.objects.exclude(staging_table="").filter(
        Q(checked_at=None) | Q(checked_at__lt=Now() - timedelta(hours=STAGED_HOURS))
    )
    return old.exclude(latest_step__state__in=UNFINISHED).update(staging_table="")
