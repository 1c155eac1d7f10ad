"""Files of raw data for tests, received."""

import io
from typing import Any

from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.db import connection

from billing.models import Account, Administrator
from tests.factories import make_administrator
from usage import deciding, tasks
from usage.models import Upload, UploadKind, UploadStatus
from usage.receiving import receive_upload


def make_uploader(**fields: Any) -> Administrator:
    """An administrator who was given the permission to upload."""
    administrator = make_administrator(**fields)
    administrator.user_permissions.add(Permission.objects.get(codename="add_upload"))
    return Administrator.objects.get(pk=administrator.pk)


def uploaded(text: str | bytes, *, name: str = "users.csv") -> InMemoryUploadedFile:
    """A file as a form hands it over."""
    content = text.encode() if isinstance(text, str) else text
    return InMemoryUploadedFile(io.BytesIO(content), "file", name, "text/csv", len(content), None)


def receive_users(text: str, *, account: Account, administrator: Administrator | None = None) -> Upload:
    """A received file of users, whose check is queued."""
    return receive_upload(
        administrator=administrator or make_uploader(accounts=(account,)),
        kind=UploadKind.USERS,
        account=account,
        file=uploaded(text),
    )


def taken(upload: Upload) -> Upload:
    """The upload once a worker has taken its latest step."""
    upload.refresh_from_db()
    tasks.take_step(str(upload.latest_step_id))
    return Upload.objects.select_related("latest_step", "account").get(pk=upload.pk)


def applied(upload: Upload, *, skips_errors: bool = False) -> Upload:
    """A received upload, checked by a worker, confirmed by who sent it, and applied; or as far as it came."""
    upload = taken(upload)
    if upload.status == UploadStatus.READY and upload.uploaded_by:
        deciding.confirm(upload, upload.uploaded_by, skips_errors=skips_errors)
        upload = taken(upload)
    return upload


def tables_of_uploads() -> list[str]:
    """The tables of staged files that are in the database."""
    return [name for name in connection.introspection.table_names() if name.startswith("upload_")]
