"""Receiving a file of raw data: may one, whose data is it, and then an upload that a worker applies."""

from functools import partial
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files import File
from django.db import transaction

from billing.models import Account, Administrator
from jobs import files
from jobs.publishing import publish
from usage.models import Upload, UploadKind
from usage.source_files import refuse_other_formats
from usage.verdicts import FileRefusedError


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
    *, administrator: Administrator, kind: UploadKind, account: Account | None, file: "File[Any]", skip_errors: bool
) -> Upload:
    """Store the file and save a queued upload; the workers are told of it once it is committed.

    The file is moved or streamed, never read into memory. Raises PermissionDenied; ValidationError, by field, for an
    account that such files do not belong to, and for a file that is neither CSV nor XLSX at first sight.
    """
    refuse_unless_permitted(administrator, kind, account)
    if account and not kind.belongs_to_account:
        raise ValidationError({"account": f"{kind.label} are of no single account: leave it empty."})
    try:
        refuse_other_formats(cast("BinaryIO", file.file))
    except FileRefusedError as error:
        raise ValidationError({"file": str(error)}) from error
    file.seek(0)
    upload = Upload(
        requested_by=administrator,
        kind=kind,
        account=account,
        file_name=(file.name or kind.value)[-255:],
        skip_errors=skip_errors,
    )
    upload.file.save(upload.file_name, file, save=False)
    try:
        upload.save()
    except BaseException:
        files.remove(upload.file.name or "")
        raise
    transaction.on_commit(partial(publish, upload), robust=True)
    return upload
