"""Receiving a file of raw data: who may upload it, whose data it is, and the upload that a worker checks."""

import hashlib
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files import File
from django.db import transaction

from billing.models import Account, Administrator
from jobs import files
from jobs.locks import keep
from usage.files.errors import FileRefusedError
from usage.files.raw_files import refuse_other_formats
from usage.models import Step, Upload, UploadKind
from usage.uploads.enqueue import enqueue_step


def refuse_unless_permitted(administrator: Administrator, kind: UploadKind, account: Account | None) -> None:
    """Raise PermissionDenied unless the administrator may upload such a file.

    Platform staff need the permission to add uploads. A customer's administrator needs it, too, and it must have been
    granted expressly; it then covers only kinds that belong to an account, and only accounts of theirs.
    """
    if not administrator.has_perm("usage.add_upload"):
        raise PermissionDenied(f"{administrator} may not upload usage.")
    if account and not Account.objects.visible_to(administrator).filter(pk=account.pk).exists():
        raise PermissionDenied(f"{administrator} may not upload into account {account.code}.")
    if not administrator.is_platform_staff and not (account and kind.belongs_to_account):
        raise PermissionDenied(f"{administrator} may only upload into an account of theirs.")


def receive_upload(
    *,
    administrator: Administrator,
    kind: UploadKind,
    account: Account | None,
    file: "File[Any]",
    creates_users: bool = False,
) -> Upload:
    """Store the file, save an upload, and enqueue its check.

    The file is moved or streamed, never read into memory. With `creates_users`, users that login sessions name and
    that do not exist yet are created. Raises PermissionDenied; ValidationError, by field, for an account that such
    files do not belong to or that was just deleted, and for a file that is clearly neither CSV nor XLSX.
    """
    refuse_unless_permitted(administrator, kind, account)
    if account and not kind.belongs_to_account:
        raise ValidationError({"account": f"{kind.label} belong to no single account: leave it empty."})
    if creates_users and kind != UploadKind.SESSIONS:
        raise ValidationError({"creates_users": "Only login sessions name users."})
    data = cast("BinaryIO", file.file)
    try:
        refuse_other_formats(data)
    except FileRefusedError as error:
        raise ValidationError({"file": str(error)}) from error
    data.seek(0)
    upload = Upload(
        uploaded_by=administrator,
        kind=kind,
        account=account,
        file_name=(file.name or kind.value)[-255:],
        file_bytes=file.size,
        sha256=hashlib.file_digest(data, "sha256").hexdigest(),  # type: ignore[arg-type]  # it asks for less than a file is
        creates_users=creates_users,
    )
    file.seek(0)
    upload.file.save(upload.file_name, file, save=False)
    try:
        with transaction.atomic():
            if account and not keep(account):
                raise ValidationError({"account": "The account was deleted in the meantime. Choose another one."})
            upload.save()
            enqueue_step(upload, Step.CHECK, administrator)
    except BaseException:
        files.remove(upload.file.name or "")
        raise
    return upload
