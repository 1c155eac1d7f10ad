"""Receiving a file of raw data: may one, whose data is it, and then an upload that a worker checks."""

import hashlib
from functools import partial
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files import File
from django.db import transaction

from billing.models import Account, Administrator
from jobs import files
from jobs.publishing import publish
from usage.files.errors import FileRefusedError
from usage.files.raw_files import refuse_other_formats
from usage.models import Step, Upload, UploadKind, UploadStep


def refuse_unless_permitted(administrator: Administrator, kind: UploadKind, account: Account | None) -> None:
    """Raise PermissionDenied unless the administrator may upload such a file.

    Platform staff may with the permission to add uploads; a customer's administrator, who has to be given it
    expressly, then only files of the kinds that belong to an account, and only into an account of theirs.
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
    """Store the file and save an upload with the step to check it; the workers are told once that is committed.

    The file is moved or streamed, never read into memory. `creates_users`: of login sessions, users that do not exist
    are made. Raises PermissionDenied; ValidationError, by field, for an account that such files do not belong to, and
    for a file that is neither CSV nor XLSX at first sight.
    """
    refuse_unless_permitted(administrator, kind, account)
    if account and not kind.belongs_to_account:
        raise ValidationError({"account": f"{kind.label} are of no single account: leave it empty."})
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
            upload.save()
            step = UploadStep.objects.create(
                upload=upload, account=account, step=Step.CHECK, requested_by=administrator
            )
            upload.latest_step = step
            upload.save(update_fields=["latest_step"])
    except BaseException:
        files.remove(upload.file.name or "")
        raise
    transaction.on_commit(partial(publish, step), robust=True)
    return upload
