"""Applying a file at once, without a worker: from the command line, and for the demo."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.db.models.functions import Now

from billing.models import Account
from jobs import files
from usage.models import Upload, UploadKind
from usage.models.uploads import upload_file_name
from usage.resources.batches import UploadContext
from usage.staging.stage import Staged, UploadOutcome, stage


class AtOnce:
    """A staged file that becomes an upload, with the file itself, in the transaction that applies it."""

    def __init__(self, staged: Staged, upload: Upload, file: BinaryIO) -> None:
        self.staged = staged
        self.upload = upload
        self._file = file

    def apply(self, *, skip_errors: bool = False, allows_notices: bool = True) -> UploadOutcome:
        """As `Staged.apply`; an upload that was not applied leaves no trace."""
        name = upload_file_name(self.upload, "")
        with transaction.atomic():
            outcome = self.staged.apply(skip_errors=skip_errors, allows_notices=allows_notices)
            if outcome.is_applied:
                self._store(name)
                self._save(name, outcome)
        return outcome

    def _store(self, name: str) -> None:
        self._file.seek(0)
        with files.storing(name) as target:
            shutil.copyfileobj(self._file, target, 1 << 20)

    def _save(self, name: str, outcome: UploadOutcome) -> None:
        upload = self.upload
        upload.file.name = name
        for field, number in outcome.counts.fields.items():
            setattr(upload, field, number)
        upload.applied_versions = self.staged.versions()
        upload.save()
        Upload.objects.filter(pk=upload.pk).update(checked_at=Now(), applied_at=Now())


@contextmanager
def at_once(
    kind: UploadKind,
    file: BinaryIO,
    account: Account | None,
    *,
    name: str,
    now: datetime,
    creates_users: bool = False,
) -> Iterator[AtOnce]:
    """Stage a file that came under this name, to be checked and applied. Raises as `stage` does."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    upload = Upload(
        kind=kind,
        account=account,
        file_name=name[-255:],
        file_bytes=size,
        sha256=hashlib.file_digest(file, "sha256").hexdigest(),  # type: ignore[arg-type]  # it asks for less than a file is
        creates_users=creates_users,
    )
    with stage(file, UploadContext.of(upload, now=now)) as staged:
        yield AtOnce(staged, upload, file)
